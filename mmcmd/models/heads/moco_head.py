from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather
from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.functional import contrastive_accuracy, info_nce
from mmcmd.registry import MODELS


@MODELS.register_module()
class MoCoHead(BaseModule):
    """The queue of one modality and the InfoNCE loss against it (Sec. 3.2, Eq. 1).

    Args:
        feat_dim (int): Size of an embedding, D. Defaults to 128.
        queue_size (int): Keys in the queue, Q; the paper's N. Defaults to 16384.
        temperature (float): tau_c. Defaults to 0.07.
        init_cfg (dict, optional): mmengine's.

    Raises:
        InputError: If the queue is empty or the temperature not positive.
    """

    queue: Tensor
    queue_ptr: Tensor

    def __init__(
        self,
        feat_dim: int = 128,
        queue_size: int = 16384,
        temperature: float = 0.07,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if queue_size < 1 or temperature <= 0:
            raise InputError(
                'MoCoHead needs queue_size >= 1 and a positive temperature, but got '
                f'queue_size={queue_size}, temperature={temperature}'
            )
        self.queue_size = queue_size
        self.temperature = temperature
        self.register_buffer('queue', F.normalize(torch.randn(feat_dim, queue_size), dim=0))
        self.register_buffer('queue_ptr', torch.zeros(1, dtype=torch.long))

    def similarities(self, embeddings: Tensor) -> Tensor:
        """Similarity of L2-normalised embeddings (N, D) to every key in the queue: (N, Q).

        In float32 under autocast too: divided by a temperature of 0.05, the three digits of
        bfloat16 would be off by a tenth in the exponent.
        """
        # A copy, because the queue changes before the backward pass needs what it held.
        queue = self.queue.clone() if embeddings.requires_grad else self.queue
        with _without_autocast(embeddings.device.type):
            return embeddings @ queue

    def forward(self, query: Tensor, key: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the InfoNCE loss and the contrastive accuracy.

        Args:
            query (Tensor): L2-normalised, shape (N, D).
            key (Tensor): L2-normalised, shape (N, D).
            negatives (Tensor): ``similarities(query)``, shape (N, Q).

        Returns:
            tuple[Tensor, Tensor]: Loss and accuracy, each of shape ().
        """
        positive = (query * key).sum(dim=1)
        loss = info_nce(positive, negatives, self.temperature)
        return loss, contrastive_accuracy(positive.detach(), negatives.detach())

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Replace the oldest keys by those of all ranks, in rank order.

        The batch need not divide the queue, and may exceed it: then its last keys stay. Every
        rank must bring the same number of keys.

        Args:
            keys (Tensor): This rank's L2-normalised keys, shape (N, D).
        """
        keys = torch.cat(all_gather(keys.contiguous()))
        slots = torch.arange(len(keys), device=keys.device)[-self.queue_size :]
        slots = (self.queue_ptr + slots) % self.queue_size
        self.queue.index_copy_(1, slots, keys[-self.queue_size :].T.to(self.queue.dtype))
        self.queue_ptr.add_(len(keys)).remainder_(self.queue_size)


def _without_autocast(device: str) -> AbstractContextManager:
    """Return a context without autocast, on devices (``meta``) that know none too."""
    known = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if known else nullcontext()
