from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.registry import MODELS


@MODELS.register_module()
class ExpanderNeck(BaseModule):
    """Three linear layers, with BatchNorm and ReLU after the first two (USDRL, VICReg).

    Args:
        in_channels (int): Size of a feature.
        out_channels (int): Size of an embedding.
        hidden_channels (int, optional): Size of the hidden layers. Defaults to ``out_channels``.
        init_cfg (dict, optional): Initialisation, as in mmengine. Without it, weights are normal
            with a standard deviation of 0.02, and biases 0.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        hidden = hidden_channels or out_channels
        self.layers = nn.Sequential(
            *(nn.Linear(in_channels, hidden), nn.BatchNorm1d(hidden), nn.ReLU()),
            *(nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU()),
            nn.Linear(hidden, out_channels),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, feature: Tensor) -> Tensor:
        """Project (N, in_channels) to (N, out_channels)."""
        return self.layers(feature)
