from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.registry import MODELS


@MODELS.register_module()
class GraphPooling(BaseModule):
    """Average a graph encoder's map over persons, time and joints: (N, M, D, T, V) to (N, D).

    It makes mmaction2's ``STGCN``, ``AAGCN`` and their kin drop-in encoders. What is a feature
    (N, D) already stays as it is.
    """

    def forward(self, feature: Tensor) -> Tensor:
        """Pool."""
        return feature.mean(dim=(1, 3, 4)) if feature.dim() == 5 else feature
