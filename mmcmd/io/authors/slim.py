"""Names in checkpoints of SLiM: those of a training, and the published ones."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

_BACKBONE = (
    (r'cls_token', 'class_token'),
    (r'register_tokens', 'registers'),
    (r'mask_token', 'mask_token'),
    (r'pos_embed', 'positions'),
    (r'patch_embed\.proj\.(.+)', r'patch_embed.\1'),
    (r'blocks\.(\d+)\.norm([12])\.(.+)', r'blocks.\1.norm\2.\3'),
    (r'blocks\.(\d+)\.attn\.qkv\.(.+)', r'blocks.\1.attention.qkv.\2'),
    (r'blocks\.(\d+)\.attn\.proj\.(.+)', r'blocks.\1.attention.out.\2'),
    (r'blocks\.(\d+)\.mlp\.w12\.(.+)', r'blocks.\1.mlp.inner.\2'),
    (r'blocks\.(\d+)\.mlp\.w3\.(.+)', r'blocks.\1.mlp.outer.\2'),
    (r'norm\.(.+)', r'norm.\1'),
)
_HEAD = (
    (r'mlp\.(.+)', r'layers.\1'),
    (r'last_layer\.weight_g', 'prototypes.length'),
    (r'last_layer\.weight_v', 'prototypes.direction'),
)
_PARTS = {
    r'teacher\.': ('encoders', 'necks'),
    r'student\.': ('students', 'student_necks'),
}


def _names() -> list[tuple[str, str]]:
    names = []
    for theirs, (encoders, necks) in _PARTS.items():
        for old, new in _BACKBONE:
            names.append((rf'{theirs}backbone\.{old}', f'{encoders}.{{}}.backbone.{new}'))
        for head, part in (('dino_head', 'class'), ('ibot_head', 'patch')):
            for old, new in _HEAD:
                names.append((rf'{theirs}{head}\.{old}', f'{necks}.{{}}.{part}.{new}'))
    return names


NAMES = tuple(_names())
"""Pairs of a released name and our name. ``{}`` stands for the stream."""


def tensors(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint of a training, or of a published encoder.

    A training saves its teacher alone. Its student then starts as a copy. The file of a published
    encoder holds the tensors of the teacher's backbone, whose names have no prefix.
    """
    if 'teacher' not in checkpoint:
        state = checkpoint.get('state_dict', checkpoint)
        return {f'teacher.backbone.{name}': x for name, x in state.items()}
    teacher = checkpoint['teacher']
    if not any(name.startswith('dino_head.') for name in teacher):
        return {f'teacher.{name}': x for name, x in teacher.items()}
    return {f'{part}.{name}': x for part in ('teacher', 'student') for name, x in teacher.items()}


def sizes(encoder: Mapping[str, Tensor]) -> dict[str, int] | None:
    """Return the sizes of a :class:`RotaryTransformer`; None if the tensors are not of one.

    The number of heads is not in a checkpoint.

    Args:
        encoder (Mapping[str, Tensor]): Our names, below the backbone.
    """
    if 'registers' not in encoder:
        return None
    width, channels, frames, _ = encoder['patch_embed.weight'].shape
    return {
        'num_joints': encoder['positions'].shape[1] - 1,
        'in_channels': channels,
        'patch_frames': frames,
        'embed_dims': width,
        'depth': len({name.split('.')[1] for name in encoder if name.startswith('blocks.')}),
        'num_registers': encoder['registers'].shape[1],
    }


def neck_sizes(state: Mapping[str, Tensor], stream: str) -> dict[str, int] | None:
    """Return the sizes of a :class:`PrototypeHead`; None if there is none.

    Args:
        state (Mapping[str, Tensor]): Our names.
        stream (str): The stream.
    """
    start = f'necks.{stream}.class.'
    if f'{start}prototypes.direction' not in state:
        return None
    prototypes, bottleneck = state[f'{start}prototypes.direction'].shape
    return {
        'out_channels': prototypes,
        'hidden_channels': state[f'{start}layers.0.weight'].shape[0],
        'bottleneck_channels': bottleneck,
    }
