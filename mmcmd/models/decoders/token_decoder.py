import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.models.backbones.transformer_blocks import (
    Block,
    BlockList,
    SpaceTimePositions,
    init_linear_layers,
)
from mmcmd.registry import MODELS


@MODELS.register_module()
class TokenDecoder(BaseModule):
    """Small transformer that predicts values for all tokens from the kept tokens (MAMP, MAE).

    A learned mask token replaces each removed token.

    Args:
        in_channels (int): Size of an encoded token, D.
        out_channels (int): Number of values to predict for each token.
        num_joints (int): V.
        num_steps (int): Number of steps of time with positional codes.
        embed_dims (int): Size of a token in the decoder. Defaults to 256.
        depth (int): Number of blocks. Defaults to 3.
        num_heads (int): Number of attention heads. Defaults to 8.
        mlp_ratio (float): Number of hidden units of a block, as a multiple of ``embed_dims``.
            Defaults to 4.
        with_cp (bool): Activation checkpointing, see :class:`BlockList`. Defaults to False.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_joints: int,
        num_steps: int,
        embed_dims: int = 256,
        depth: int = 3,
        num_heads: int = 8,
        mlp_ratio: float = 4,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.num_joints = num_joints
        self.embed = nn.Linear(in_channels, embed_dims)
        self.mask_token = nn.Parameter(torch.empty(1, 1, embed_dims))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.positions = SpaceTimePositions(num_steps, num_joints, embed_dims)
        self.blocks = BlockList(
            (Block(embed_dims, num_heads, mlp_ratio, 0.0) for _ in range(depth)), with_cp
        )
        self.norm = nn.LayerNorm(embed_dims)
        self.out = nn.Linear(embed_dims, out_channels)
        init_linear_layers(self)

    def forward(self, tokens: Tensor, keep: Tensor, num_tokens: int) -> Tensor:
        """Predict values for all tokens.

        Args:
            tokens (Tensor): The encoded tokens, shape (B, K, D).
            keep (Tensor): Indices of these tokens, shape (B, K).
            num_tokens (int): Number of all tokens of a sequence, L.

        Returns:
            Tensor: Shape (B, L, out_channels).
        """
        visible = self.embed(tokens)
        places = keep[..., None].expand_as(visible)
        hidden = self.mask_token.to(visible.dtype).expand(len(visible), num_tokens, -1)
        everything = hidden.scatter(1, places, visible)
        everything = everything + self.positions(num_tokens // self.num_joints)
        return self.out(self.norm(self.blocks(everything)))
