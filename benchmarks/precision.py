"""Number formats for the products in a step."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

from mmcmd.engine import TF32Hook


@dataclass(frozen=True)
class Precision:
    """The rounding of the factors of products.

    Attributes:
        autocast (torch.dtype, optional): Type of 16 bits for autocast. None turns autocast off.
        tf32 (bool): A GPU may round the factors of float32 products to 10 bits of mantissa.
    """

    autocast: torch.dtype | None = None
    tf32: bool = False

    def casting(self, device: str, cache: bool = True) -> AbstractContextManager:
        """Return the autocast context of this format.

        Args:
            device (str): Type of the device, such as ``'cuda'``.
            cache (bool): Cast each weight only once in the whole context. An optimizer must then
                not step inside the context. Defaults to True.
        """
        dtype, enabled = self.autocast or torch.bfloat16, self.autocast is not None
        return torch.autocast(device, dtype, enabled=enabled, cache_enabled=cache)

    @contextmanager
    def rounding(self) -> Iterator[None]:
        """Allow or forbid TF32 on a GPU, in forward and backward passes."""
        parts = torch.backends.cuda.matmul, torch.backends.cudnn
        before = [part.allow_tf32 for part in parts]
        TF32Hook(self.tf32).before_run(None)
        try:
            yield
        finally:
            for part, value in zip(parts, before, strict=True):
                part.allow_tf32 = value


PRECISIONS = {
    'bfloat16': Precision(torch.bfloat16),
    'float16': Precision(torch.float16),
    'tf32': Precision(tf32=True),
    'float32': Precision(),
}
