from collections.abc import Callable

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.models.backbones.dense_blocks import DenseBlock, PostNormBlock
from mmcmd.models.backbones.transformer_blocks import BlockList
from mmcmd.registry import MODELS

NUM_CODES = 200
"""Number of frames that have a positional code."""


class TokenStream(nn.Module):
    """Embedding, positional codes and two layers for one kind of tokens (frames or joints).

    Args:
        in_channels (int): Number of values of a token.
        width (int): Size of an encoded token, D.
        codes (Tensor | nn.Parameter): Positional codes, shape (1, L or more, D).
        make_block (Callable): Builds a layer.
        repeat_codes (bool): Whether to add the codes again before the second layer.
        with_cp (bool): Activation checkpointing, see :class:`BlockList`.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        codes: Tensor,
        make_block: Callable[[], nn.Module],
        repeat_codes: bool,
        with_cp: bool,
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Linear(in_channels, width), nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, width)
        )
        if isinstance(codes, nn.Parameter):
            self.codes = codes
        else:
            self.register_buffer('codes', codes)
        self.repeat_codes = repeat_codes
        self.blocks = nn.ModuleList(BlockList([make_block()], with_cp) for _ in range(2))

    def forward(self, values: Tensor) -> Tensor:
        """Encode tokens (B, L, in_channels) to (B, L, D)."""
        codes = self.codes[:, : values.shape[1]]
        tokens = self.blocks[0](self.embed(values) + codes)
        return self.blocks[1](tokens + codes if self.repeat_codes else tokens)


def sinusoids(length: int, width: int) -> Tensor:
    """Return positional codes (1, length, width): sine in even, cosine in odd channels."""
    rates = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(10000.0)) / width))
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[None]


@MODELS.register_module()
class SpatioTemporalTransformer(BaseModule):
    """Encoders of USDRL (AAAI 2025): one transformer over frames and one over joints.

    A temporal token holds all joints of all persons in one frame. A spatial token holds all frames
    of one joint of one person. The feature concatenates the maximum over the temporal tokens and
    the maximum over the spatial tokens. The numbers of frames and persons are fixed.

    Args:
        num_joints (int): V. Defaults to 25.
        num_person (int): M. Defaults to 2.
        in_channels (int): Coordinates of a joint, C. Defaults to 3.
        clip_len (int): Number of frames, T. Defaults to 64.
        hidden_size (int): Size of a token, D. The feature has the size 2 D. Defaults to 1024.
        num_heads (int): Number of attention heads. Defaults to 1.
        dense (bool): Use the layers of DSTE (True) or of STTR (False). Defaults to True.
        share (float): a of :class:`DenseBlock`. Defaults to 0.5.
        stride (int): g of :class:`DenseBlock`. Defaults to 4.
        drop_path_rate (float): Stochastic depth of DSTE. Defaults to 0.1.
        with_cp (bool): Activation checkpointing, see :class:`BlockList`. Defaults to False.
        init_cfg (dict, optional): Initialisation, as in mmengine. Without it, linear layers are
            normal with a standard deviation of 0.02, and the query, key and value projections of
            the attention are Xavier-uniform.
    """

    def __init__(
        self,
        num_joints: int = 25,
        num_person: int = 2,
        in_channels: int = 3,
        clip_len: int = 64,
        hidden_size: int = 1024,
        num_heads: int = 1,
        dense: bool = True,
        share: float = 0.5,
        stride: int = 4,
        drop_path_rate: float = 0.1,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.shape = num_person, clip_len, num_joints, in_channels
        self.out_channels = 2 * hidden_size
        frame = num_person * num_joints * in_channels
        spatial = nn.Parameter(torch.empty(1, num_person * num_joints, hidden_size))
        nn.init.trunc_normal_(spatial, std=0.02)

        def stream(channels: int, codes: Tensor, length: int) -> TokenStream:
            def block() -> nn.Module:
                if dense:
                    return DenseBlock(hidden_size, num_heads, length, share, stride, drop_path_rate)
                return PostNormBlock(hidden_size, num_heads)

            return TokenStream(channels, hidden_size, codes, block, dense, with_cp)

        self.temporal = stream(frame, sinusoids(NUM_CODES, hidden_size), clip_len)
        self.spatial = stream(clip_len * in_channels, spatial, spatial.shape[1])
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Linear):
                if name.endswith('qkv'):
                    nn.init.xavier_uniform_(layer.weight)
                else:
                    nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def tokens_of_both(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Encode sequences (N, M, T, V, C) to temporal (N, T, D) and spatial tokens (N, M V, D).

        Raises:
            InputError: If the shape of the sequences does not match the arguments.
        """
        if tuple(joints.shape[1:]) != self.shape:
            raise InputError(
                f'SpatioTemporalTransformer was built for sequences (M, T, V, C) of shape '
                f'{self.shape}, but got {tuple(joints.shape[1:])}; set data.num_person, or '
                'model.backbone.clip_len, to those of the data'
            )
        temporal = self.temporal(joints.transpose(1, 2).flatten(2))
        return temporal, self.spatial(joints.transpose(2, 3).flatten(1, 2).flatten(2))

    def feature_map(self, joints: Tensor) -> Tensor:
        """Encode sequences (N, M, T, V, C) to a map (N, 1, 2 D, T, 1).

        The second half of the channels is the maximum over the spatial tokens. It is the same in
        all frames.
        """
        temporal, spatial = self.tokens_of_both(joints)
        summary = spatial.amax(dim=1, keepdim=True).expand_as(temporal)
        return torch.cat([temporal, summary], dim=2).transpose(1, 2)[:, None, :, :, None]

    def read(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Return the maximum (N, 2 D) of a map over all frames, or the first ``steps`` (N,)."""
        frames = feature_map[:, 0, :, :, 0]
        if steps is not None:
            valid = torch.arange(frames.shape[2], device=frames.device) < steps[:, None]
            frames = frames.masked_fill(~valid[:, None], -torch.inf)
        return frames.amax(dim=2)

    def forward(self, joints: Tensor) -> Tensor:
        """Encode sequences (N, M, T, V, C) to features (N, 2 D)."""
        return self.read(self.feature_map(joints))
