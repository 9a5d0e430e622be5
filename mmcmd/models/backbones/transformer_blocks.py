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

    def forward(self, tokens: Tensor, rotation: Tensor | None = None) -> Tensor:
        """Apply the attention to tokens.

        Args:
            tokens (Tensor): Shape (B, L, D).
            rotation (Tensor, optional): Rotary codes of the tokens, see :func:`rotary_codes`.

        Returns:
            Tensor: Shape (B, L, D).
        """
        parts = self.qkv(tokens).unflatten(2, (3, self.num_heads, -1)).unbind(2)
        query, key, value = (x.transpose(1, 2) for x in parts)
        if rotation is not None:
            query, key = (rotate_pairs(x, rotation) for x in (query, key))
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class GatedMLP(nn.Module):
    """Two linear layers on each token. A gate multiplies the output of the first one (SwiGLU).

    Args:
        width (int): D.
        hidden (int): Hidden units.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, 2 * hidden)
        self.outer = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform tokens (B, L, D)."""
        gate, value = self.inner(tokens).chunk(2, dim=-1)
        return self.outer(F.silu(gate) * value)


class Block(nn.Module):
    """A pre-norm transformer block: residual attention and a residual MLP.

    Args:
        width (int): Size of a token, D.
        num_heads (int): Number of attention heads.
        mlp_ratio (float): Hidden units of the MLP, as a multiple of D.
        drop_path (float): Probability that a sequence skips the attention or the MLP.
        gated (bool): Use a :class:`GatedMLP`. It has two thirds of the hidden units, rounded up to
            a multiple of 8, so that it has about as many weights. Defaults to False.
        eps (float): Value that the norms add to the variance. Defaults to 1e-5.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        mlp_ratio: float,
        drop_path: float,
        gated: bool = False,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        hidden = int(width * mlp_ratio)
        self.norm1 = nn.LayerNorm(width, eps)
        self.attention = Attention(width, num_heads)
        self.norm2 = nn.LayerNorm(width, eps)
        if gated:
            self.mlp = GatedMLP(width, -(-int(hidden * 2 / 3) // 8) * 8)
        else:
            self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, tokens: Tensor, rotation: Tensor | None = None) -> Tensor:
        """Transform tokens (B, L, D); ``rotation`` is that of :class:`Attention`."""
        tokens = tokens + self.drop_path(self.attention(self.norm1(tokens), rotation))
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

    def forward(self, tokens: Tensor, *context: Tensor) -> Tensor:
        """Transform tokens (B, L, D). ``context`` holds further arguments of each block."""
        return self.last_outputs(1, tokens, *context)[0]

    def last_outputs(self, count: int, tokens: Tensor, *context: Tensor) -> list[Tensor]:
        """Return the outputs of the last blocks.

        Args:
            count (int): Number of outputs, at most the number of blocks.
            tokens (Tensor): Shape (B, L, D).
            *context (Tensor): Further arguments of each block.

        Returns:
            list[Tensor]: From the lower to the upper block, each of shape (B, L, D).
        """
        outputs = [tokens]
        for block in self:
            if self.with_cp and torch.is_grad_enabled():
                tokens = checkpoint(block, tokens, *context, use_reentrant=False)
            else:
                tokens = block(tokens, *context)
            outputs = [*outputs, tokens][-count:]
        return outputs


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


def rotary_codes(positions: Tensor, size: int) -> Tensor:
    """Return the angles by which pairs of channels of queries and keys are rotated.

    Args:
        positions (Tensor): Position of each token, shape (L,). At position 0 nothing is rotated.
        size (int): Channels of a head, an even number.

    Returns:
        Tensor: Cosines and sines, shape (2, L, size). Channel j and channel j + size / 2 are a
        pair, whose angle is ``position * 10000 ** (-2 j / size)``.
    """
    frequencies = 10000 ** (-torch.arange(0, size, 2, device=positions.device) / size)
    angles = (positions[:, None] * frequencies.to(positions.dtype)).repeat(1, 2)
    return torch.stack([angles.cos(), angles.sin()])


def rotate_pairs(channels: Tensor, rotation: Tensor) -> Tensor:
    """Rotate pairs of channels.

    Args:
        channels (Tensor): Queries or keys of each head, shape (B, heads, L, size).
        rotation (Tensor): Of :func:`rotary_codes`, shape (2, L, size).

    Returns:
        Tensor: Shape (B, heads, L, size).
    """
    first, second = channels.chunk(2, dim=-1)
    cos, sin = rotation.to(channels.dtype)
    return channels * cos + torch.cat([-second, first], dim=-1) * sin


def init_linear_layers(module: nn.Module) -> None:
    """Initialise every linear layer: Xavier-uniform weights, bias 0 (MAMP)."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
