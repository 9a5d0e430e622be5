"""Parts of transformers over the tokens of a sequence."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmcmd.errors import InputError


class Attention(nn.Module):
    """Multi-head self-attention.

    Args:
        width (int): Size of a token, D.
        num_heads (int): Number of heads.

    Raises:
        InputError: If ``width`` is not a multiple of ``num_heads``.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        if width % num_heads:
            raise InputError(
                f'{num_heads} heads do not divide a width of {width}; correct num_heads or the '
                'width of the transformer'
            )
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Apply the attention to tokens (B, L, D)."""
        query, key, value = self.qkv(tokens).unflatten(2, (3, self.num_heads, -1)).unbind(2)
        mixed = F.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        )
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A pre-norm transformer block: residual attention and a residual MLP.

    Args:
        width (int): Size of a token, D.
        num_heads (int): Number of attention heads.
        mlp_ratio (float): Hidden units of the MLP, as a multiple of D.
        drop_path (float): Probability that a sequence skips the attention or the MLP.
    """

    def __init__(self, width: int, num_heads: int, mlp_ratio: float, drop_path: float) -> None:
        super().__init__()
        hidden = int(width * mlp_ratio)
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, num_heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform tokens (B, L, D)."""
        tokens = tokens + self.drop_path(self.attention(self.norm1(tokens)))
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


class BlockList(nn.ModuleList):
    """A list of blocks that are applied in order.

    Args:
        blocks (Iterable[nn.Module]): The blocks.
        with_cp (bool): Activation checkpointing: keep only the input of each block for the backward
            pass, and compute the other activations again. This needs less memory and more time.
            Defaults to False.
    """

    def __init__(self, blocks: Iterable[nn.Module] = (), with_cp: bool = False) -> None:
        super().__init__(blocks)
        self.with_cp = with_cp

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform tokens (B, L, D)."""
        for block in self:
            if self.with_cp and torch.is_grad_enabled():
                tokens = checkpoint(block, tokens, use_reentrant=False)
            else:
                tokens = block(tokens)
        return tokens


class SpaceTimePositions(nn.Module):
    """Learned positional codes: the sum of a code of the joint and a code of the step.

    Args:
        num_steps (int): Number of steps of time in the table.
        num_joints (int): V.
        width (int): Size of a token, D.
    """

    def __init__(self, num_steps: int, num_joints: int, width: int) -> None:
        super().__init__()
        self.joints = nn.Parameter(torch.empty(1, 1, num_joints, width))
        self.steps = nn.Parameter(torch.empty(1, num_steps, 1, width))
        for table in (self.joints, self.steps):
            nn.init.trunc_normal_(table, std=0.02)

    def forward(self, num_steps: int) -> Tensor:
        """Return the codes of all tokens, step by step, shape (num_steps V, D).

        If ``num_steps`` differs from the size of the table, the table is resized by bicubic
        interpolation. MAMP does the same to fine-tune on clips of another length.
        """
        steps = self.steps
        if num_steps != steps.shape[1]:
            table = steps.permute(0, 3, 1, 2)  # (1, D, steps, 1), an image
            steps = F.interpolate(table, size=(num_steps, 1), mode='bicubic').permute(0, 2, 3, 1)
        return (self.joints + steps)[0].flatten(0, 1)


def init_linear_layers(module: nn.Module) -> None:
    """Initialise every linear layer: Xavier-uniform weights, bias 0 (MAMP)."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
