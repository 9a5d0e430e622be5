from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.models.backbones.spatio_temporal import SpatioTemporalTransformer
from mmcmd.models.decorrelation import decorrelation_terms
from mmcmd.models.functional import embedding_std
from mmcmd.models.gather import gather_with_gradient
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.registry import MODELS

PARTS = 'instance', 'temporal', 'spatial'


@MODELS.register_module()
class USDRL(BasePretrainer):
    """USDRL: invariant views and decorrelated channels at three granularities (AAAI 2025).

    There are no negatives, no queue and no momentum encoder. Each of four views has three
    projections: of the whole feature, of its temporal half and of its spatial half. Each projection
    has three loss terms. The first makes the views equal (invariance). The second keeps the
    variance of the channels high and their covariance low. The third makes each channel correlate
    with the same channel of another view, and with no other channel.

    Encoders without temporal and spatial halves, such as a BiGRU, have only the projection of the
    whole feature.

    Args:
        weights (Sequence[float]): Weights of the three terms. Defaults to (5, 1, 0.001).
        half_weight (float): Weight of the temporal and of the spatial projection. Defaults to 0.5.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`.
    """

    views: ClassVar[tuple[str, ...]] = ('a', 'b', 'c', 'd')
    min_samples: ClassVar[int] = 3

    def __init__(
        self,
        weights: Sequence[float] = (5.0, 1.0, 0.001),
        half_weight: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.weights = tuple(weights)
        self.half_weight = half_weight
        self.necks = ModuleDict()
        for name, encoder in self.encoders.items():
            size = encoder.feature_size()
            sizes = {'instance': (size, 2 * size, size)}
            if isinstance(encoder.backbone, SpatioTemporalTransformer):
                sizes |= dict.fromkeys(('temporal', 'spatial'), (size // 2, size, size))
            self.necks[name] = ModuleDict(
                {
                    part: MODELS.build(
                        {
                            'type': 'ExpanderNeck',
                            'in_channels': given,
                            'out_channels': out,
                            'hidden_channels': hidden,
                        }
                    )
                    for part, (given, out, hidden) in sizes.items()
                }
            )

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step.

        Args:
            inputs (Tensor): Four views, shape (N, 4, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: For each stream ``loss_{stream}``, its three terms without weights
            (``invariance_{stream}``, ``variance_{stream}``, ``correlation_{stream}``), and
            ``std_{stream}``.
        """
        losses = {}
        for name in self.streams:
            projections = self.project(name, inputs)
            terms = sum(
                (1.0 if part == 'instance' else self.half_weight) * decorrelation_terms(views)
                for part, views in projections.items()
            )
            losses[f'loss_{name}'] = (terms * terms.new_tensor(self.weights)).sum()
            for key, term in zip(('invariance', 'variance', 'correlation'), terms, strict=True):
                losses[f'{key}_{name}'] = term.detach()
            first = projections['instance'][0]
            losses[f'std_{name}'] = embedding_std(F.normalize(first - first.mean(dim=0), dim=1))
        return losses

    def project(self, stream: str, inputs: Tensor) -> dict[str, list[Tensor]]:
        """Return the projections (N, D) of each view for each granularity.

        The encoder processes all views in one batch. A transformer has no BatchNorm, so its
        features do not depend on this. The BatchNorms of the projections compute statistics of each
        view separately.
        """
        views = inputs.unbind(1)
        features = self.encoders[stream](torch.cat(views)).chunk(len(views))
        projections: dict[str, list[Tensor]] = {}
        for part, neck in self.necks[stream].items():
            for feature in features:
                halves = feature.chunk(2, dim=1)
                given = {'instance': feature, 'temporal': halves[0], 'spatial': halves[1]}[part]
                found = neck(given)
                wide = torch.promote_types(found.dtype, torch.float32)
                projections.setdefault(part, []).append(gather_with_gradient(found.to(wide)))
        return projections
