import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.registry import MODELS


class Prototypes(nn.Module):
    """Similarities to prototypes: a linear layer whose weights have a direction and a length.

    Args:
        in_channels (int): Size of an embedding, D.
        num_prototypes (int): K.
    """

    def __init__(self, in_channels: int, num_prototypes: int) -> None:
        super().__init__()
        self.length = nn.Parameter(torch.ones(num_prototypes, 1))
        self.direction = nn.Parameter(torch.empty(num_prototypes, in_channels))
        nn.init.kaiming_uniform_(self.direction, a=5**0.5)  # torch's default of linear layers

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return logits (..., K) of embeddings (..., D)."""
        return F.linear(embeddings, self.length * F.normalize(self.direction, dim=1))


@MODELS.register_module()
class PrototypeHead(BaseModule):
    """Three layers, an L2-normalised embedding, and its similarities to prototypes (SLiM, DINO).

    Args:
        in_channels (int): Size of a token.
        out_channels (int): Number of prototypes, K. Defaults to 65536.
        hidden_channels (int): Hidden units of the first two layers. Defaults to 2048.
        bottleneck_channels (int): Size of the embedding. Defaults to 256.
        init_cfg (dict, optional): Initialisation, as in mmengine. Without it, weights of the three
            layers are normal with a deviation of 0.02, and biases 0, as released.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 65536,
        hidden_channels: int = 2048,
        bottleneck_channels: int = 256,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.layers = nn.Sequential(
            nn.Linear(in_channels, hidden_channels),
            nn.GELU(),
            nn.Linear(hidden_channels, hidden_channels),
            nn.GELU(),
            nn.Linear(hidden_channels, bottleneck_channels),
        )
        self.prototypes = Prototypes(bottleneck_channels, out_channels)
        for layer in self.layers[::2]:
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (n, K) of tokens (n, in_channels)."""
        return self.prototypes(F.normalize(self.layers(tokens), dim=-1))
