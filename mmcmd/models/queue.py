import torch
import torch.nn.functional as F
from mmengine.dist import all_gather
from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.precision import without_autocast
from mmcmd.registry import MODELS


@MODELS.register_module()
class KeyQueue(BaseModule):
    """Queue of the keys of the latest batches of one stream (MoCo; CMD Sec. 3.2).

    Args:
        feat_dim (int): Size of a key, D. Defaults to 128.
        size (int): Number of keys in the queue, Q. Defaults to 16384.
        with_ids (bool): Keep the sample id of each key in ``ids``. The id of an initial random key
            is -1. Defaults to False.
        normalized (bool): Whether the keys are L2-normalised. If True, the queue starts with random
            unit vectors. If False, the initial values are U(-s, s) with s = sqrt(3 / D), as in
            AS-CAL. Defaults to True.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Raises:
        InputError: If ``size`` is below 1.
    """

    queue: Tensor
    queue_ptr: Tensor
    ids: Tensor | None

    def __init__(
        self,
        feat_dim: int = 128,
        size: int = 16384,
        with_ids: bool = False,
        normalized: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if size < 1:
            raise InputError(f'KeyQueue needs a size of 1 or more, but got size={size}')
        self.size = size
        if normalized:
            start = F.normalize(torch.randn(feat_dim, size), dim=0)
        else:
            start = (2 * torch.rand(feat_dim, size) - 1) * (3 / feat_dim) ** 0.5
        self.register_buffer('queue', start)
        self.register_buffer('queue_ptr', torch.zeros(1, dtype=torch.long))
        ids = torch.full((size,), -1, dtype=torch.long) if with_ids else None
        self.register_buffer('ids', ids)

    def similarities(self, embeddings: Tensor) -> Tensor:
        """Return the similarities (N, Q), which are dot products, of embeddings (N, D) to all keys.

        The computation uses float32, also under autocast. bfloat16 has about three digits. After
        the division by a temperature of 0.05, its rounding error would change the exponent by 0.1.
        """
        # Copy the queue, because it changes before the backward pass, which needs the old values.
        queue = self.queue.clone() if embeddings.requires_grad else self.queue
        with without_autocast(embeddings.device.type):
            return embeddings @ queue

    @torch.no_grad()
    def enqueue(self, keys: Tensor, ids: Tensor | None = None) -> None:
        """Replace the oldest keys by the keys of all ranks, in the order of the ranks.

        The size of the queue does not have to be a multiple of the batch size. If the batch is
        larger than the queue, the queue keeps the last keys of the batch. The number of keys must
        be the same on all ranks.

        Args:
            keys (Tensor): Keys of this rank, shape (N, D).
            ids (Tensor, optional): Sample ids of the keys, shape (N,), if the queue keeps ids.

        Raises:
            InputError: If the queue keeps ids but gets none, or gets ids but does not keep them.
        """
        if (ids is None) != (self.ids is None):
            raise InputError(
                'KeyQueue needs sample ids if it is built with with_ids=True, and otherwise takes '
                'none'
            )
        keys = torch.cat(all_gather(keys.contiguous()))
        slots = torch.arange(len(keys), device=keys.device)[-self.size :]
        slots = (self.queue_ptr + slots) % self.size
        self.queue.index_copy_(1, slots, keys[-self.size :].T.to(self.queue.dtype))
        if self.ids is not None:
            ids = torch.cat(all_gather(ids.contiguous()))
            self.ids.index_copy_(0, slots, ids[-self.size :])
        self.queue_ptr.add_(len(keys)).remainder_(self.size)
