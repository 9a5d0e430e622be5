import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.models.necks.graph_pooling import mean_over_steps
from mmcmd.registry import MODELS


@MODELS.register_module()
class JointPooling(BaseModule):
    """Average a map over persons and time, and concatenate the features of all joints (MAMP).

    Args:
        dropout (float): Probability of setting a value of the map to zero before the pooling.
            Defaults to 0.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(self, dropout: float = 0.0, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.dropout = dropout

    def forward(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Pool a map.

        Args:
            feature_map (Tensor): Shape (N, M, D, T, V).
            steps (Tensor, optional): Numbers of first steps to average, shape (N,). Defaults to all
                steps.

        Returns:
            Tensor: The features of one joint after the other, shape (N, V D).
        """
        persons = F.dropout(feature_map, self.dropout, self.training).mean(dim=1)
        if steps is None:
            return persons.mean(dim=2).transpose(1, 2).flatten(1)
        sequence = persons.transpose(2, 3).flatten(1, 2)  # (N, D V, T)
        joints = mean_over_steps(sequence, steps).unflatten(1, (-1, persons.shape[3]))
        return joints.transpose(1, 2).flatten(1)
