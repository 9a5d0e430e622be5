from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcmd.errors import InputError


class FeatureAutoEncoder(nn.Module):
    """An autoencoder of features. Nearest neighbours are searched among its codes (P&C).

    Layers with tanh reduce a feature to a code. Layers of the same sizes in reverse order
    reconstruct the feature. The last layer is linear.

    Args:
        in_channels (int): Size of a feature, D.
        widths (Sequence[int]): Sizes of the layers. The last one is the size of the code. Defaults
            to 1024, 512 and 125, as in the PyTorch code of the authors.

    Raises:
        InputError: If ``widths`` is empty.
    """

    def __init__(self, in_channels: int, widths: Sequence[int] = (1024, 512, 125)) -> None:
        super().__init__()
        if not widths:
            raise InputError('autoencoder.widths of KNNMetric needs at least one size')
        sizes = [in_channels, *widths]
        down = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.Tanh())]
        up = [layer for a, b in pairwise(sizes[::-1]) for layer in (nn.Linear(a, b), nn.Tanh())]
        self.encoder = nn.Sequential(*down)
        self.decoder = nn.Sequential(*up[:-1])

    def forward(self, features: Tensor) -> Tensor:
        """Return the codes (N, code) of features (N, D)."""
        return self.encoder(features)

    def fit(
        self,
        features: Tensor,
        lr: float = 1e-3,
        batch_size: int = 64,
        epochs: int = 400,
        seed: int = 0,
    ) -> list[float]:
        """Train the autoencoder with Adam. The learning rate is multiplied by 0.95 every 50 steps.

        Args:
            features (Tensor): Shape (N, D).
            lr (float): Initial learning rate. Defaults to 0.001.
            batch_size (int): Number of features per step. Defaults to 64.
            epochs (int): Number of passes over the features. Defaults to 400.
            seed (int): Seed of the order of the features. Defaults to 0.

        Returns:
            list[float]: Mean squared error of each step.
        """
        generator = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=50, gamma=0.95)
        losses = []
        for _ in range(epochs):
            order = torch.randperm(len(features), generator=generator)
            for batch in order.split(batch_size):
                batch = features[batch.to(features.device)]
                loss = F.mse_loss(self.decoder(self.encoder(batch)), batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                losses.append(loss.detach())
        return torch.stack(losses).tolist() if losses else []
