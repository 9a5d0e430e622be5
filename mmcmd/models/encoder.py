from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.registry import MODELS


class SkeletonEncoder(BaseModule):
    """A backbone that ends in one feature a sequence, whatever kind of backbone it is.

    Args:
        backbone (dict): Takes (N, M, T, V, C); ``BiGRU``, or a graph encoder of mmaction2.
        pooling (dict, optional): Reduces the backbone's output to (N, D); ``GraphPooling`` for
            graph encoders. Not needed where the backbone gives (N, D).
    """

    def __init__(self, backbone: dict, pooling: dict | None = None) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.pooling = MODELS.build(pooling) if pooling else None

    def forward(self, x: Tensor) -> Tensor:
        """Encode (N, M, T, V, C) to (N, D)."""
        feature = self.backbone(x)
        return self.pooling(feature) if self.pooling else feature
