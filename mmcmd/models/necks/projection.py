from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.registry import MODELS


@MODELS.register_module()
class ProjectionNeck(BaseModule):
    """Two-layer projection from the feature of an encoder to the embedding for the contrast.

    Args:
        in_channels (int): Size of the feature.
        out_channels (int): Size of the embedding. Defaults to 128.
        hidden_channels (int, optional): Size of the hidden layer. Defaults to ``in_channels``.
        with_norm (bool): Use a BatchNorm after the first layer. Defaults to False.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 128,
        hidden_channels: int | None = None,
        with_norm: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        hidden_channels = hidden_channels or in_channels
        self.hidden = nn.Linear(in_channels, hidden_channels)
        self.norm = nn.BatchNorm1d(hidden_channels) if with_norm else nn.Identity()
        self.activation = nn.ReLU()
        self.out = nn.Linear(hidden_channels, out_channels)
        # As in the released code, the last layer is Xavier-uniform, and the hidden layer keeps
        # torch's default.
        nn.init.xavier_uniform_(self.out.weight)

    def forward(self, feature: Tensor) -> Tensor:
        """Project (N, in_channels) to (N, out_channels)."""
        return self.out(self.activation(self.norm(self.hidden(feature))))
