from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.registry import MODELS


@MODELS.register_module()
class MLPHead(BaseModule):
    """Classifier with two layers, and BatchNorm and ReLU between them (fine-tuning of MAMP).

    Args:
        in_channels (int): Size of a feature, D.
        num_classes (int): Number of classes.
        hidden_channels (int): Hidden units. Defaults to 2048.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        hidden_channels: int = 2048,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.hidden = nn.Linear(in_channels, hidden_channels)
        self.norm = nn.BatchNorm1d(hidden_channels)
        self.fc = nn.Linear(hidden_channels, num_classes)

    def forward(self, feature: Tensor) -> Tensor:
        """Return class scores before the softmax (N, num_classes) of features (N, D)."""
        return self.fc(self.norm(self.hidden(feature)).relu())
