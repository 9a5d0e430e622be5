"""The layers of USDRL's encoders: DSTE's dense ones, and STTR's plain ones."""

import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmcmd.models.backbones.transformer_blocks import Attention


class PostNormBlock(nn.Module):
    """A layer of the original transformer: the sum of input and output is normalised (STTR).

    Args:
        width (int): D.
        num_heads (int): Heads of the attention.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, num_heads)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform tokens (B, L, D)."""
        tokens = self.norm1(tokens + self.attention(tokens))
        return self.norm2(tokens + self.mlp(tokens))


class _Half(nn.Module):
    """The norms and the two layers that a half of a :class:`DenseBlock` has for itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )


class DenseBlock(nn.Module):
    """A layer of USDRL's dense encoder (DSTE): convolutional and dense shift attention.

    Both halves share one attention. The first has a convolution over channels before it. The
    second encodes the tokens, and also a copy in which all but every ``stride``-th token are mixed
    along the sequence. Their mean is its output.

    Args:
        width (int): D.
        num_heads (int): Heads of the attention.
        length (int): Tokens of a sequence, L.
        share (float): Weight a of the first half, the other has 1 - a.
        stride (int): Distance g of the tokens that are not mixed.
        drop_path (float): Probability with which a sequence skips a part.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        length: int,
        share: float = 0.5,
        stride: int = 4,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.share, self.stride = share, stride
        self.attention = Attention(width, num_heads)
        self.conv = nn.Conv1d(width, width, 1)
        self.mix = nn.Sequential(nn.Linear(length, length), nn.ReLU(), nn.Linear(length, length))
        self.convolutional, self.shifted = _Half(width), _Half(width)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform tokens (B, L, D)."""
        half = self.convolutional
        local = tokens + self.conv(tokens.transpose(1, 2)).relu().transpose(1, 2)
        local = self.drop_path(self.attention(half.norm1(local))) + tokens
        first = self.drop_path(half.mlp(half.norm2(local)))

        mixed = self.mix(tokens.transpose(1, 2)).transpose(1, 2) + tokens
        kept = torch.arange(tokens.shape[1], device=tokens.device)[:, None] % self.stride == 0
        mixed = torch.where(kept, tokens, mixed)
        second = (self._encode(mixed) + self._encode(tokens)) / 2
        return self.share * first + (1 - self.share) * second

    def _encode(self, tokens: Tensor) -> Tensor:
        half = self.shifted
        tokens = tokens + self.drop_path(self.attention(half.norm1(tokens)))
        return tokens + self.drop_path(half.mlp(half.norm2(tokens)))
