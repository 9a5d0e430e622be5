import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcmd.models.backbones.patch_transformer import PatchEmbedding, PatchTransformer
from mmcmd.models.backbones.transformer_blocks import (
    Block,
    BlockList,
    SpaceTimePositions,
    init_linear_layers,
)
from mmcmd.models.tokens.patches import patch_steps, take_tokens
from mmcmd.registry import MODELS


@MODELS.register_module()
class SkeletonTransformer(PatchTransformer):
    """Transformer over patches of frames and joints, the encoder of MAMP, SkeletonMAE and STARS.

    A token holds u frames of one joint of one person. Each person is encoded separately, with the
    same weights, even if all its values are zero. All methods and evaluations can use this encoder.
    Masked methods call :meth:`tokens` with the tokens to keep.

    Args:
        num_joints (int): V. Defaults to 25.
        in_channels (int): Coordinates of a joint, C. Defaults to 3.
        clip_len (int): Number of frames that the positional codes of time cover. For clips of
            another length, the codes are interpolated. Defaults to 120.
        patch_frames (int): Number of frames of a patch, u. Defaults to 4.
        embed_dims (int): Size of a token, D. Defaults to 256.
        depth (int): Number of blocks. Defaults to 8.
        num_heads (int): Number of attention heads. Defaults to 8.
        mlp_ratio (float): Number of hidden units of a block, as a multiple of D. Defaults to 4.
        drop_path_rate (float): Stochastic depth: probability that a sequence skips the attention or
            the MLP of the last block. The probability grows linearly from 0 at the first block.
            Defaults to 0.
        with_cp (bool): Activation checkpointing, see :class:`BlockList`. Defaults to False.
        init_cfg (dict, optional): Initialisation, as in mmengine. Without it, linear layers are
            Xavier-uniform and positional codes are normal with a standard deviation of 0.02, as in
            the released code.

    Attributes:
        out_channels (int): Size of the feature, D.
        num_layers (int): Number of blocks, used by the layer-wise decay of the learning rate.

    Raises:
        InputError: If ``clip_len`` is not a multiple of ``patch_frames``, or ``embed_dims`` is not
            a multiple of ``num_heads``.
    """

    def __init__(
        self,
        num_joints: int = 25,
        in_channels: int = 3,
        clip_len: int = 120,
        patch_frames: int = 4,
        embed_dims: int = 256,
        depth: int = 8,
        num_heads: int = 8,
        mlp_ratio: float = 4,
        drop_path_rate: float = 0.0,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.num_joints = num_joints
        self.patch_frames = patch_frames
        self.num_steps = patch_steps(clip_len, patch_frames)
        self.out_channels = embed_dims
        self.num_layers = depth
        self.patch_embed = PatchEmbedding(in_channels, embed_dims, (patch_frames, 1))
        self.positions = SpaceTimePositions(self.num_steps, num_joints, embed_dims)
        rates = torch.linspace(0, drop_path_rate, depth, device='cpu').tolist()
        self.blocks = BlockList(
            (Block(embed_dims, num_heads, mlp_ratio, rate) for rate in rates), with_cp
        )
        self.norm = nn.LayerNorm(embed_dims)
        init_linear_layers(self)

    def tokens(self, joints: Tensor, keep: Tensor | None = None) -> Tensor:
        """Encode sequences to tokens.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).
            keep (Tensor, optional): Indices of the tokens to encode, shape (N M, K). The index of a
                token is step * V + joint. Defaults to all tokens.

        Returns:
            Tensor: The encoded tokens in the order of ``keep``, shape (N M, K, D).

        Raises:
            InputError: If the number of frames is not a multiple of ``patch_frames``, or the number
                of joints is not ``num_joints``.
        """
        patches = self.cut(joints)
        positions = self.positions(patches.shape[1] // self.num_joints)
        if keep is not None:
            patches, positions = take_tokens(patches, keep), F.embedding(keep, positions)
        return self.norm(self.blocks(self.patch_embed(patches) + positions))

    def forward(self, joints: Tensor) -> Tensor:
        """Encode sequences.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).

        Returns:
            Tensor: Feature map, shape (N, M, D, T / u, V).
        """
        tokens = self.tokens(joints).unflatten(1, (-1, self.num_joints))
        return tokens.unflatten(0, joints.shape[:2]).permute(0, 1, 4, 2, 3)
