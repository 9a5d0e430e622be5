from typing import ClassVar

from mmaction.structures import ActionDataSample
from torch import Tensor

from mmcmd.models.pretrainers.momentum_contrast import MomentumContrast
from mmcmd.registry import MODELS


@MODELS.register_module()
class SkeletonCLR(MomentumContrast):
    """SkeletonCLR, the single-stream baseline of CrosSCLR (CVPR 2021).

    It is MoCo v2 on skeletons. The streams share no weights, so training several streams in one run
    gives the same result as training each in its own run. The arguments are those of
    :class:`MomentumContrast`.
    """

    capturable: ClassVar[bool] = True

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step, and update the key encoders and queues.

        Args:
            inputs (Tensor): Query and key view, shape (N, 2, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: ``loss_{stream}`` (InfoNCE), ``acc_{stream}``, ``std_{stream}``.
        """
        query_view, key_view = inputs.unbind(dim=1)
        self.update_keys()
        losses = {}
        for name, queue in self.queues.items():
            key = self.key(key_view, name)
            query = self.query(query_view, name)
            losses |= self.contrast(name, query, key, queue.similarities(query))
            queue.enqueue(key)
        return losses
