import torch
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.models.backbones.patch_transformer import PatchEmbedding, PatchTransformer
from mmcmd.models.backbones.transformer_blocks import Block, BlockList, rotary_codes
from mmcmd.models.tokens.patches import patch_steps
from mmcmd.registry import MODELS


@MODELS.register_module()
class RotaryTransformer(PatchTransformer):
    """Transformer over patches of frames and joints with a class token, the encoder of SLiM.

    A token is u frames of one joint of one person. Unlike :class:`SkeletonTransformer`, it has a
    class token and register tokens, learned codes of the joints alone, rotary codes of time
    (RoFormer), and gated layers in its blocks. It therefore takes clips of any length that
    patches divide. A learned token replaces each masked token, and all tokens are encoded.

    Args:
        num_joints (int): V. Defaults to 25.
        in_channels (int): Coordinates of a joint, C. Defaults to 3.
        clip_len (int): Frames of a clip, which patches must divide. Defaults to 64.
        patch_frames (int): Frames of a patch, u. Defaults to 8.
        embed_dims (int): Width of a token, D. Defaults to 256.
        depth (int): Number of blocks. Defaults to 8.
        num_heads (int): Heads of the attention. Defaults to 8.
        num_registers (int): Number of register tokens. Defaults to 4.
        class_layers (int): The class tokens of so many last blocks are in the feature, each after
            the last norm. Defaults to 1.
        with_patches (bool): The patch tokens of the last block are in the feature too. Defaults to
            True.
        with_cp (bool): Activation checkpointing, see :class:`BlockList`. Defaults to False.
        init_cfg (dict, optional): Initialisation, as in mmengine. Without it, weights of linear
            layers and codes are normal with a deviation of 0.02, as released.

    Attributes:
        out_channels (int): Channels of the map, ``(class_layers + with_patches) * D``.

    Raises:
        InputError: If a patch does not divide ``clip_len``, the heads do not divide D into even
            parts, or there are fewer blocks than ``class_layers``.
    """

    def __init__(
        self,
        num_joints: int = 25,
        in_channels: int = 3,
        clip_len: int = 64,
        patch_frames: int = 8,
        embed_dims: int = 256,
        depth: int = 8,
        num_heads: int = 8,
        num_registers: int = 4,
        class_layers: int = 1,
        with_patches: bool = True,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        patch_steps(clip_len, patch_frames)
        if embed_dims % (2 * num_heads):
            raise InputError(
                f'{num_heads} heads do not divide a width of {embed_dims} into parts of an even '
                'size, which rotary codes need; correct num_heads or embed_dims of the backbone'
            )
        if not 1 <= class_layers <= depth:
            raise InputError(
                f'class_layers={class_layers} of the backbone must be between 1 and the depth, '
                f'{depth}; correct it'
            )
        self.num_joints = num_joints
        self.patch_frames = patch_frames
        self.num_layers = depth
        self.class_layers = class_layers
        self.with_patches = with_patches
        self.out_channels = (class_layers + with_patches) * embed_dims
        self.patch_embed = PatchEmbedding(in_channels, embed_dims, (patch_frames, 1))
        self.class_token = nn.Parameter(torch.empty(1, 1, embed_dims).normal_(std=1e-6))
        self.registers = nn.Parameter(torch.empty(1, num_registers, embed_dims).normal_(std=1e-6))
        self.mask_token = nn.Parameter(torch.zeros(1, embed_dims))
        # The first code is that of the class token.
        self.positions = nn.Parameter(torch.empty(1, 1 + num_joints, embed_dims))
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.blocks = BlockList(
            (Block(embed_dims, num_heads, 4, 0.0, gated=True, eps=1e-6) for _ in range(depth)),
            with_cp,
        )
        self.norm = nn.LayerNorm(embed_dims, eps=1e-6)
        self._head_size = embed_dims // num_heads
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def encode(self, joints: Tensor, masked: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Encode each person of sequences.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).
            masked (Tensor, optional): True where a token is replaced by the learnt one, shape
                (N M, T / u * V). A token is step * V + joint.

        Returns:
            tuple[Tensor, Tensor]: Class token, shape (N M, D), and the other tokens, shape
            (N M, T / u * V, D).

        Raises:
            InputError: If a patch does not divide the clip, or the joints are too many or too few.
        """
        last = self._last_blocks(joints, 1, masked)[0]
        return last[:, 0], last[:, self._first :]

    def forward(self, joints: Tensor) -> Tensor:
        """Encode sequences.

        Args:
            joints (Tensor): Shape (N, M, T, V, C). A person that is all zero is absent.

        Returns:
            Tensor: Map, shape (N, M, out_channels, T / u, V): the class tokens, which are equal for
            all steps and joints, then the patch token. Without patch tokens, T / u and V are 1. It
            is 0 for absent persons.
        """
        blocks = self._last_blocks(joints, self.class_layers)
        classes = torch.cat([tokens[:, 0] for tokens in blocks], dim=1)[:, :, None, None]
        if self.with_patches:
            patches = blocks[-1][:, self._first :].unflatten(1, (-1, self.num_joints))
            patches = patches.permute(0, 3, 1, 2)
            classes = torch.cat([classes + 0 * patches[:, :1], patches], dim=1)
        present = (joints != 0).flatten(2).any(dim=2)
        return classes.unflatten(0, joints.shape[:2]) * present[:, :, None, None, None]

    @property
    def _first(self) -> int:
        """Place of the first patch token in a sequence."""
        return 1 + self.registers.shape[1]

    def _last_blocks(
        self, joints: Tensor, count: int, masked: Tensor | None = None
    ) -> list[Tensor]:
        """Return the outputs of the last blocks after the norm, (N M, 1 + registers + L, D)."""
        patches = self.patch_embed(self.cut(joints))
        if masked is not None:
            patches = torch.where(masked[..., None], self.mask_token.to(patches.dtype), patches)
        steps = patches.shape[1] // self.num_joints
        patches = patches + self.positions[:, 1:].repeat(1, steps, 1)
        others = torch.cat([self.class_token + self.positions[:, :1], self.registers], dim=1)
        # The sum repeats them for each clip. An ONNX export of `expand` takes one number of clips.
        tokens = torch.cat([others + 0 * patches[:, :1], patches], dim=1)
        # Class token and registers are at time 0, like the first step: these are not rotated.
        times = torch.arange(steps, device=tokens.device, dtype=self.positions.dtype)
        times = torch.cat([times.new_zeros(self._first), times.repeat_interleave(self.num_joints)])
        rotation = rotary_codes(times, self._head_size)
        return [self.norm(x) for x in self.blocks.last_outputs(count, tokens, rotation)]
