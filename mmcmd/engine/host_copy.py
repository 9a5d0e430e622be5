import torch
from torch import Tensor


class HostCopy:
    """A tensor on its way to the host, asked for now and read later.

    Reading a tensor on a GPU at once makes the host wait until all that was asked of the device
    is done, and then the device wait for the host. Read an iteration later, it has long arrived.

    Args:
        tensor (Tensor): Small, on any device.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._arrived = None
        if tensor.is_cuda:
            tensor = tensor.to('cpu', non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record()
        self._tensor = tensor

    def read(self) -> list:
        """Return the values."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._tensor.tolist()
