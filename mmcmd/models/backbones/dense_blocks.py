"""Layers of the two encoders of USDRL: dense layers of DSTE and plain layers of STTR."""

import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmcmd.models.backbones.transformer_blocks import Attention


class PostNormBlock(nn.Module):
    """A layer of the original transformer, which normalises after each residual sum (STTR).

    Args:
        width (int): Size of a token, D.
        num_heads (int): Number of attention heads.
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
    """The norms and the MLP of one half of a :class:`DenseBlock`. The halves do not share them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )


class DenseBlock(nn.Module):
    """A layer of USDRL's dense encoder (DSTE): convolutional and dense shift attention.

    The block has two halves with the same attention. The first half adds a convolution over
    channels before the attention. The second half encodes the tokens twice: unchanged, and mixed
    along the sequence, except for every ``stride``-th token. Its output is the mean of both. The
    output of the block is a weighted sum of the halves.

    Args:
        width (int): Size of a token, D.
        num_heads (int): Number of attention heads.
        length (int): Number of tokens of a sequence, L.
        share (float): Weight a of the first half. The weight of the second half is 1 - a.
        stride (int): Distance g between the tokens that are not mixed.
        drop_path (float): Probability that a sequence skips an attention or an MLP.
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
