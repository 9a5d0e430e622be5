from collections.abc import Mapping, Sequence
from typing import Any

from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from mmcmd.models.encoder import build_with_features
from mmcmd.models.pretrainers.momentum_contrast import MomentumContrast
from mmcmd.models.streams import expand_streams
from mmcmd.registry import MODELS

PARTNER = '_partner'
"""Suffix of the names of the streams with a second encoder."""


@MODELS.register_module()
class ISC(MomentumContrast):
    """Inter-skeleton contrast (ACM MM 2021, https://arxiv.org/abs/2108.03656).

    Two encoders of different types encode each modality of a sample, for example a sequence encoder
    and a graph encoder. Both get the same view. The query of one encoder is contrasted with the key
    and the queue of the other. There is no loss between the query and the key of the same encoder.

    For each stream of ``modalities`` there is a second stream, ``{stream}_partner``. By default,
    only the features of the first encoders are evaluated.

    Args:
        partner (dict): Backbone of the second encoders, such as :class:`AGCN`.
        partner_neck (dict, optional): Options that replace those of ``neck`` for the second
            encoders.
        modalities (Sequence[str] | Mapping[str, dict]): As in :class:`StreamModel`. Defaults to the
            joint modality alone.
        backbone (dict, optional): Backbone of the first encoders.
        pooling (dict, optional): Pooling of the first encoders.
        **kwargs: ``neck``, ``queue``, ``head``, ``momentum``, ``layout`` of
            :class:`MomentumContrast`.
    """

    def __init__(
        self,
        partner: dict,
        partner_neck: dict | None = None,
        modalities: Sequence[str] | Mapping[str, dict] = ('joint',),
        backbone: dict | None = None,
        pooling: dict | None = None,
        **kwargs: Any,
    ) -> None:
        first = expand_streams(modalities, backbone, pooling)
        second = {
            name + PARTNER: {'modality': stream['modality'], 'backbone': partner}
            for name, stream in first.items()
        }
        self.partner_neck = dict(partner_neck or {})
        super().__init__(modalities=first | second, **kwargs)
        self.partners = dict(zip([*first, *second], [*second, *first], strict=True))

    @property
    def evaluated_streams(self) -> tuple[str, ...]:
        """Names of the streams of the first encoders."""
        return tuple(name for name in self.streams if not name.endswith(PARTNER))

    def build_necks(self, neck: dict) -> dict[str, nn.Module]:
        """Build the neck of each stream, with ``partner_neck`` for the second encoders."""
        return {
            name: build_with_features(
                neck | self.partner_neck if name.endswith(PARTNER) else neck, encoder
            )
            for name, encoder in self.encoders.items()
        }

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step, and update the key encoders and queues.

        Args:
            inputs (Tensor): Query and key view, shape (N, 2, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: ``loss_{stream}`` (InfoNCE with the keys of the other encoder),
            ``acc_{stream}`` and ``std_{stream}``.
        """
        query_view, key_view = inputs.unbind(dim=1)
        self.update_keys()
        keys, queries, losses = self.keys(key_view), self.queries(query_view), {}
        for name, query in queries.items():
            other = self.partners[name]
            similarities = self.queues[other].similarities(query)
            losses |= self.contrast(name, query, keys[other], similarities)
        for name, key in keys.items():
            self.queues[name].enqueue(key)
        return losses
