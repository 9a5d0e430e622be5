"""Tensor names in checkpoints of MAMP and SkeletonMAE."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

_BLOCK = (
    (r'norm([12])\.(.+)', r'norm\1.\2'),
    (r'attn\.qkv\.(.+)', r'attention.qkv.\1'),
    (r'attn\.proj\.(.+)', r'attention.out.\1'),
    (r'mlp\.fc1\.(.+)', r'mlp.0.\1'),
    (r'mlp\.fc2\.(.+)', r'mlp.2.\1'),
)


def transformer_names(theirs: str, ours: str) -> tuple[tuple[str, str], ...]:
    """Return pairs of names for the blocks, position codes and last norm of a transformer.

    Args:
        theirs (str): Prefix of the released names, a regular expression without groups.
        ours (str): Prefix of our names.
    """
    blocks = (
        (
            rf'{theirs}blocks\.(?P<block>\d+)\.{old}',
            rf'{ours}.blocks.\g<block>.' + new.replace('\\2', '\\3').replace('\\1', '\\2'),
        )
        for old, new in _BLOCK
    )
    return (
        *blocks,
        (rf'{theirs}pos_embed', f'{ours}.positions.joints'),
        (rf'{theirs}temp_embed', f'{ours}.positions.steps'),
        (rf'{theirs}norm\.(.+)', rf'{ours}.norm.\1'),
    )


def encoder_names(theirs: str = '') -> tuple[tuple[str, str], ...]:
    """Return pairs of names for an encoder.

    Args:
        theirs (str): Prefix of the released names, a regular expression without groups.
    """
    return (
        (rf'{theirs}joints_embed\.proj\.(.+)', r'encoders.{}.backbone.patch_embed.\1'),
        *transformer_names(theirs, 'encoders.{}.backbone'),
    )


NAMES = (
    *encoder_names(),
    *transformer_names('decoder_', 'decoders.{}'),
    (r'mask_token', r'decoders.{}.mask_token'),
    (r'decoder_embed\.(.+)', r'decoders.{}.embed.\1'),
    (r'decoder_pred\.(.+)', r'decoders.{}.out.\1'),
)
"""Pairs of a released name and our name. ``{}`` stands for the stream."""


def tensors(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint. Its other entries are the optimiser and the options."""
    return checkpoint['model']


def sizes(encoder: Mapping[str, Tensor]) -> dict[str, int] | None:
    """Return the sizes of a :class:`SkeletonTransformer`; None for other encoders.

    The number of heads is not in a checkpoint.

    Args:
        encoder (Mapping[str, Tensor]): State of a backbone, with our names.
    """
    if 'patch_embed.weight' not in encoder:
        return None
    width, channels, frames, _ = encoder['patch_embed.weight'].shape
    blocks = {name.split('.')[1] for name in encoder if name.startswith('blocks.')}
    return {
        'num_joints': encoder['positions.joints'].shape[2],
        'in_channels': channels,
        'clip_len': encoder['positions.steps'].shape[1] * frames,
        'patch_frames': frames,
        'embed_dims': width,
        'depth': len(blocks),
        'mlp_ratio': encoder['blocks.0.mlp.0.weight'].shape[0] / width,
    }


def decoder_sizes(state: Mapping[str, Tensor], stream: str) -> dict[str, int] | None:
    """Return the sizes of a :class:`TokenDecoder`; None if the state has no such decoder.

    Args:
        state (Mapping[str, Tensor]): State of a model, with our names.
        stream (str): Name of the stream.
    """
    start = f'decoders.{stream}.'
    if f'{start}mask_token' not in state:
        return None
    blocks = {x.split('.')[3] for x in state if x.startswith(f'{start}blocks.')}
    return {'embed_dims': state[f'{start}mask_token'].shape[2], 'depth': len(blocks)}
