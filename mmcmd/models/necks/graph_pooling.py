import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.registry import MODELS


@MODELS.register_module()
class GraphPooling(BaseModule):
    """Average a map over persons, time and joints: (N, M, D, T, V) to (N, D).

    Args:
        eps (float): Added to the number of steps in the denominator of the mean. The released code
            of MS2L uses 0.01. Defaults to 0.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(self, eps: float = 0.0, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.eps = eps

    def forward(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Pool a map.

        Args:
            feature_map (Tensor): Shape (N, M, D, T, V).
            steps (Tensor, optional): Numbers of first steps to average, shape (N,). Defaults to all
                steps.

        Returns:
            Tensor: Shape (N, D).
        """
        if steps is None:
            length = feature_map.shape[3]
            mean = feature_map.mean(dim=(1, 3, 4))
            return mean * (length / (length + self.eps)) if self.eps else mean
        return mean_over_steps(feature_map.mean(dim=(1, 4)), steps, self.eps)


def mean_over_steps(sequence: Tensor, steps: Tensor, eps: float = 0.0) -> Tensor:
    """Average the first steps of each sequence.

    Args:
        sequence (Tensor): Shape (N, D, T).
        steps (Tensor): Numbers of steps to average, shape (N,).
        eps (float): Added to ``steps`` in the denominator of the mean. Defaults to 0.

    Returns:
        Tensor: Shape (N, D).
    """
    valid = torch.arange(sequence.shape[2], device=sequence.device) < steps[:, None]
    return (sequence * valid[:, None]).sum(dim=2) / (steps[:, None] + eps)
