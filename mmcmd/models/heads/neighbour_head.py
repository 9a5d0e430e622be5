import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.registry import MODELS


@MODELS.register_module()
class NeighbourHead(BaseModule):
    """Projection (a BatchNorm) and prediction (two linear layers with BatchNorm) of STARS.

    Args:
        in_channels (int): Size of a feature and of an embedding, D.
        hidden_channels (int): Hidden units of the prediction. Defaults to 4096.
        init_cfg (dict, optional): Initialisation, as in mmengine. Without it, the weights of linear
            layers start as N(0, 0.02), those of BatchNorm as N(1, 0.02), and biases as 0. These are
            the values of the released code.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int = 4096, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.projector = nn.BatchNorm1d(in_channels)
        self.predictor = nn.Sequential(
            nn.Linear(in_channels, hidden_channels, bias=False),
            nn.BatchNorm1d(hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, in_channels),
        )
        for name, parameter in self.named_parameters():
            if name.endswith('bias'):
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.02)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Return projection and prediction of features (N, D), each L2-normalised, (N, D)."""
        wide = torch.promote_types(feature.dtype, torch.float32)  # also under autocast
        projection = self.projector(feature.to(wide))
        prediction = self.predictor(projection).to(wide)
        return F.normalize(projection, dim=1), F.normalize(prediction, dim=1)
