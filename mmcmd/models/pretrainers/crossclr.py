from collections.abc import Sequence
from typing import Any

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.models.functional import (
    contrast_logits,
    multi_positive_nce,
    nearest_mask,
)
from mmcmd.models.pretrainers.momentum_contrast import MomentumContrast
from mmcmd.registry import MODELS


@MODELS.register_module()
class CrosSCLR(MomentumContrast):
    """Cross-view Contrastive Learning (CVPR 2021, https://arxiv.org/abs/2104.14466).

    Until ``cross_epoch``, each stream is trained as in SkeletonCLR. From then on, the nearest
    neighbours of a sample in one stream are also positives for the other streams. With ``context``,
    the loss also compares the products of the similarities of both streams.

    The defaults follow the released code, which differs from the paper in two ways. All streams use
    the projection of the first stream. In the second phase, only the key encoder of the motion
    stream is updated. ``shared_projection=False`` and ``cross_keys=None`` remove both differences.

    Args:
        cross_epoch (int): First epoch, counted from 0, with mining across streams. Defaults to
            150.
        topk (int): Number of neighbours to mine in each other stream. Defaults to 1.
        context (bool): Add the products of the similarities of both streams as columns of the
            logits. Defaults to True.
        shared_projection (bool): Build the neck of each other stream from a linear layer, a ReLU
            and the whole neck of the first stream. Defaults to True.
        cross_keys (Sequence[str], optional): Streams whose key encoders are updated after
            ``cross_epoch``. None means all streams. Defaults to ``('motion',)``.
        **kwargs: ``modalities``, ``backbone``, ``neck``, ``queue``, ``head``, ``pooling``,
            ``momentum``, ``layout`` of :class:`MomentumContrast`.

    Raises:
        InputError: If there is only one stream, ``topk`` is larger than the queue, or
            ``cross_keys`` contains an unknown stream.
    """

    def __init__(
        self,
        cross_epoch: int = 150,
        topk: int = 1,
        context: bool = True,
        shared_projection: bool = True,
        cross_keys: Sequence[str] | None = ('motion',),
        **kwargs: Any,
    ) -> None:
        self.shared_projection = shared_projection
        super().__init__(**kwargs)
        self.cross_epoch = cross_epoch
        self.topk = topk
        self.context = context
        self.cross_keys = self.streams if cross_keys is None else tuple(cross_keys)
        size = self.queues[self.streams[0]].size
        if len(self.streams) < 2:
            raise InputError(f'CrosSCLR needs two streams or more, but has {self.streams}')
        if not set(self.cross_keys) <= set(self.streams):
            raise InputError(
                f'cross_keys={self.cross_keys} must be streams of the model, which are '
                f'{self.streams}; set model.cross_keys to some of them, or to None for all'
            )
        if not 1 <= topk <= size:
            raise InputError(f'topk={topk} must lie between 1 and queue.size={size}')

    def build_necks(self, neck: dict) -> dict[str, nn.Module]:
        """Build the necks. With ``shared_projection``, the other necks contain the first."""
        necks = super().build_necks(neck)
        if self.shared_projection:
            first = self.streams[0]
            for name in self.streams[1:]:
                size = self.encoders[name].feature_size()
                necks[name] = nn.Sequential(nn.Linear(size, size), nn.ReLU(), necks[first])
        return necks

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step, and update the key encoders and queues.

        Args:
            inputs (Tensor): Query and key view, shape (N, 2, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: ``loss_{stream}``, ``acc_{stream}`` and ``std_{stream}``.
        """
        query_view, key_view = inputs.unbind(dim=1)
        crossing = self.epoch >= self.cross_epoch
        queries = self.queries(query_view)
        self.update_keys(self.cross_keys if crossing else None)
        keys = self.keys(key_view)
        similarities = {name: self.queues[name].similarities(x) for name, x in queries.items()}

        losses = {}
        for name, query in queries.items():
            losses |= self.contrast(name, query, keys[name], similarities[name])
            if crossing:
                positive = (query * keys[name]).sum(dim=1)
                terms = [
                    self._cross(positive, similarities[name], similarities[other])
                    for other in self.streams
                    if other != name
                ]
                losses[f'loss_{name}'] = sum(terms) / len(terms)
        for name, key in keys.items():
            self.queues[name].enqueue(key)
        return losses

    def _cross(self, positive: Tensor, own: Tensor, other: Tensor) -> Tensor:
        """Compute the loss of a stream with the neighbours that another stream has found.

        Args:
            positive (Tensor): Similarity of each query to its own key, shape (N,).
            own (Tensor): Similarities of the queries to the stream's own queue, shape (N, Q).
            other (Tensor): Similarities in the other stream, shape (N, Q). With ``context``, they
                get a gradient.
        """
        mined = nearest_mask(other, self.topk)
        columns, masks = [own], [mined]
        if self.context:
            columns, masks = [own, own * other], [mined, mined]
        logits = contrast_logits(positive, *columns, temperature=self.head.temperature)
        masks = torch.cat([torch.ones_like(mined[:, :1]), *masks], dim=1)
        return multi_positive_nce(logits, masks)
