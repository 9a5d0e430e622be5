import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.registry import MODELS


@MODELS.register_module()
class GraphPooling(BaseModule):
    """Average a map over persons, time and joints: (N, M, D, T, V) to (N, D)."""

    def forward(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Pool a map.

        Args:
            feature_map (Tensor): Shape (N, M, D, T, V).
            steps (Tensor, optional): How many steps of time are averaged, shape (N,); all by
                default.

        Returns:
            Tensor: Shape (N, D).
        """
        if steps is None:
            return feature_map.mean(dim=(1, 3, 4))
        return mean_over_steps(feature_map.mean(dim=(1, 4)), steps)


def mean_over_steps(sequence: Tensor, steps: Tensor) -> Tensor:
    """Average the first steps of each sequence.

    Args:
        sequence (Tensor): Shape (N, D, T).
        steps (Tensor): How many steps are averaged, shape (N,).

    Returns:
        Tensor: Shape (N, D).
    """
    valid = torch.arange(sequence.shape[2], device=sequence.device) < steps[:, None]
    return (sequence * valid[:, None]).sum(dim=2) / steps[:, None]
