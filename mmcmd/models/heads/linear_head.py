from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.registry import MODELS


@MODELS.register_module()
class LinearHead(BaseModule):
    """Linear classifier of features (N, D). The weights start as N(0, 0.01), the bias as 0.

    Args:
        in_channels (int): Size of a feature, D.
        num_classes (int): Number of classes.
        init_std (float): Standard deviation of the initial weights. Defaults to 0.01.
        with_norm (bool): Standardise the features first with a BatchNorm without weights. The same
            learning rate then works for features of any scale. Defaults to False.
        norm_eps (float): Constant that this BatchNorm adds to the variance. Defaults to 1e-5.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        init_std: float = 0.01,
        with_norm: bool = False,
        norm_eps: float = 1e-5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.norm = (
            nn.BatchNorm1d(in_channels, norm_eps, affine=False) if with_norm else nn.Identity()
        )
        self.fc = nn.Linear(in_channels, num_classes)
        nn.init.normal_(self.fc.weight, std=init_std)
        nn.init.zeros_(self.fc.bias)

    def forward(self, feature: Tensor) -> Tensor:
        """Return class scores before the softmax (N, num_classes) of features (N, D)."""
        return self.fc(self.norm(feature))
