import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.evaluation.whitening import fit_whitening
from mmcmd.models.precision import without_autocast
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
        whiten (float, optional): Whiten the features first (:class:`Whitening`) with this ridge.
            Defaults to None: do not whiten.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        init_std: float = 0.01,
        with_norm: bool = False,
        norm_eps: float = 1e-5,
        whiten: float | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.whitening = Whitening(in_channels, whiten) if whiten is not None else nn.Identity()
        self.norm = (
            nn.BatchNorm1d(in_channels, norm_eps, affine=False) if with_norm else nn.Identity()
        )
        self.fc = nn.Linear(in_channels, num_classes)
        nn.init.normal_(self.fc.weight, std=init_std)
        nn.init.zeros_(self.fc.bias)

    @property
    def needs_fit(self) -> bool:
        """Whether the head is trained on features that :meth:`fit` has seen."""
        return isinstance(self.whitening, Whitening)

    def fit(self, feature: Tensor) -> None:
        """Measure the covariance of all training features (N, D), if the head whitens them."""
        if self.needs_fit:
            self.whitening.fit(feature)

    def forward(self, feature: Tensor) -> Tensor:
        """Return class scores before the softmax (N, num_classes) of features (N, D)."""
        return self.fc(self.norm(self.whitening(feature)))


class Whitening(nn.Module):
    """Whiten features (N, D) by a covariance that :meth:`fit` measures once, before the training.

    A BatchNorm gives each dimension the same variance. Whitening gives the same variance to all
    directions, and the ridge lowers the weight of those with little variance
    (:func:`~mmcmd.evaluation.whitening.fit_whitening`). The mean variance of the result is 1.

    Args:
        in_channels (int): Size of a feature, D.
        ridge (float): Multiple of the mean variance, more than 0.
    """

    mean: Tensor
    matrix: Tensor

    def __init__(self, in_channels: int, ridge: float) -> None:
        super().__init__()
        self.ridge = ridge
        self.register_buffer('mean', torch.zeros(in_channels))
        self.register_buffer('matrix', torch.eye(in_channels))

    @torch.no_grad()
    def fit(self, feature: Tensor) -> None:
        """Compute mean and matrix from features (N, D)."""
        mean, matrix, variance = fit_whitening(feature, self.ridge)
        self.mean.copy_(mean)
        self.matrix.copy_(matrix / (variance or 1) ** 0.5)

    def forward(self, feature: Tensor) -> Tensor:
        """Return whitened features (N, D), also under autocast in float32."""
        with without_autocast(feature.device.type):
            return (F.normalize(feature.float(), dim=1) - self.mean) @ self.matrix
