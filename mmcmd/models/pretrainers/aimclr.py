from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.functional import (
    attention_drop,
    contrast_logits,
    distribution_cross_entropy,
    embedding_std,
    multi_positive_nce,
    nearest_mask,
)
from mmcmd.models.pretrainers.momentum_contrast import MomentumContrast
from mmcmd.registry import MODELS


@MODELS.register_module()
class AimCLR(MomentumContrast):
    """AimCLR (AAAI 2022, https://arxiv.org/abs/2112.03590).

    Each sample has a normal view and an extremely augmented view. The extreme view gives two
    embeddings: one of its full feature map, and one of its feature map without the joints and
    elements of the highest attention (EADM). Both learn the distribution of the normal view over
    the keys (D3M). From ``mining_epoch`` on, the nearest neighbours of all three embeddings are
    positives for the normal view (NNM). The streams share no weights.

    Args:
        mining_epoch (int): First epoch, counted from 0, with mining. Defaults to 150.
        topk (int): Neighbours that are mined for each query. Defaults to 1.
        keep (float): Joints and elements with an attention below this value are kept. Defaults to
            0.7.
        **kwargs: ``modalities``, ``backbone``, ``neck``, ``queue``, ``head``, ``pooling``,
            ``momentum``, ``layout`` of :class:`MomentumContrast`.

    Raises:
        InputError: If ``topk`` is larger than the queue.
    """

    views: ClassVar[tuple[str, ...]] = ('extreme', 'query', 'key')

    def __init__(
        self, mining_epoch: int = 150, topk: int = 1, keep: float = 0.7, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.mining_epoch = mining_epoch
        self.topk = topk
        self.keep = keep
        size = self.queues[self.streams[0]].size
        if not 1 <= topk <= size:
            raise InputError(f'topk={topk} must lie between 1 and queue.size={size}')

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step, and update the key encoders and queues.

        Args:
            inputs (Tensor): Extreme, query and key view, shape (N, 3, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: For each stream ``loss_{stream}`` (InfoNCE, later with mined
            positives), ``loss_extreme_{stream}`` and ``loss_dropped_{stream}`` (half of each D3M
            term), ``acc_{stream}`` and ``std_{stream}``.
        """
        extreme_view, query_view, key_view = inputs.unbind(dim=1)
        losses = {}
        for name in self.streams:
            # The query view goes first, because each forward pass changes the BatchNorm
            # statistics.
            query = self.query(query_view, name)
            encoder = self.encoders[name]
            feature_map = encoder.feature_map(extreme_view)
            extreme, dropped = (
                self.project(encoder.pool(x), name)
                for x in (feature_map, attention_drop(feature_map, self.keep))
            )
            self.update_keys([name])
            losses |= self._contrast(name, query, extreme, dropped, self.key(key_view, name))
        return losses

    def _contrast(
        self, name: str, query: Tensor, extreme: Tensor, dropped: Tensor, key: Tensor
    ) -> dict[str, Tensor]:
        """Compute the losses of a stream from embeddings (N, D), and add the keys to the queue."""
        queue = self.queues[name]
        similarities = [queue.similarities(x) for x in (query, extreme, dropped)]
        logits = [
            contrast_logits((x * key).sum(dim=1), s, temperature=self.head.temperature)
            for x, s in zip((query, extreme, dropped), similarities, strict=True)
        ]
        loss, accuracy = self.head(query, key, similarities[0])
        if self.epoch >= self.mining_epoch:
            mined = torch.stack([nearest_mask(s, self.topk) for s in similarities]).amax(dim=0)
            loss = multi_positive_nce(
                logits[0], torch.cat([torch.ones_like(mined[:, :1]), mined], dim=1)
            )
        queue.enqueue(key)
        return {
            f'loss_{name}': loss,
            f'loss_extreme_{name}': distribution_cross_entropy(logits[1], logits[0]) / 2,
            f'loss_dropped_{name}': distribution_cross_entropy(logits[2], logits[0]) / 2,
            f'acc_{name}': accuracy,
            f'std_{name}': embedding_std(query),
        }
