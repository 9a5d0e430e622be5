import inspect
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.necks.graph_pooling import GraphPooling
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout


class SkeletonEncoder(BaseModule):
    """A backbone that ends in one feature a sequence, whatever kind of backbone it is.

    What a backbone has to know of the skeleton is filled in from the layout where its config does
    not say it: ``num_joints`` of a recurrent one, the layout in ``graph_cfg`` of mmaction2's graph
    encoders, whose map is averaged over persons, time and joints.

    Args:
        backbone (dict): Takes (N, M, T, V, C); ``BiGRU``, or a graph encoder of mmaction2.
        layout (str | dict): Joint layout of the data. Defaults to ``'ntu'``.
        pooling (dict, optional): Reduces the backbone's output to (N, D) in another way.
    """

    def __init__(
        self,
        backbone: dict,
        layout: str | Mapping[str, Any] = 'ntu',
        pooling: dict | None = None,
    ) -> None:
        super().__init__()
        backbone = dict(backbone)
        self.backbone = MODELS.build(_fit(backbone, layout))
        self.pooling = MODELS.build(pooling) if pooling else GraphPooling()
        self._input_shape = (
            *(1, backbone.get('num_person', 2), 16),
            *(get_layout(layout).num_joints, backbone.get('in_channels', 3)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode (N, M, T, V, C) to (N, D)."""
        return self.pooling(self.backbone(x))

    @torch.no_grad()
    def feature_size(self) -> int:
        """Return D; of a backbone that does not say it, by encoding a sequence of zeros."""
        size = getattr(self.backbone, 'out_channels', None)
        if size is None:
            training = self.training
            size = self.eval()(torch.zeros(self._input_shape)).shape[1]
            self.train(training)
        return size


def _fit(backbone: dict, layout: str | Mapping[str, Any]) -> dict:
    """Fill in what the layout says."""
    skeleton = get_layout(layout)
    cls = MODELS.get(backbone['type'])
    known = inspect.signature(cls).parameters if cls else {}
    if 'graph_cfg' in known:
        own = getattr(cls, 'uses_layout_graph', False)
        graph = {'layout': skeleton.own_graph if own else skeleton.graph}
        return backbone | {'graph_cfg': graph | backbone.get('graph_cfg', {})}
    if 'num_joints' in known:
        return {'num_joints': skeleton.num_joints} | backbone
    return backbone


def build_with_features(config: dict, encoder: SkeletonEncoder) -> BaseModule:
    """Build a neck or head that takes an encoder's features.

    Args:
        config (dict): Its ``in_channels`` is filled in where it is not there.
        encoder (SkeletonEncoder): Whose features it takes.

    Raises:
        InputError: If ``in_channels`` is there and is not the size of the features.
    """
    size = encoder.feature_size()
    if config.get('in_channels', size) != size:
        raise InputError(
            f'{config["type"]} has in_channels={config["in_channels"]}, but the features of '
            f'{type(encoder.backbone).__name__} have size {size}; leave in_channels out'
        )
    return MODELS.build({**config, 'in_channels': size})
