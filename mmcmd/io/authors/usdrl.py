"""Tensor names in checkpoints of USDRL, for both of its encoders."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

_ATTENTION = (
    (r'in_proj_(weight|bias)', r'qkv.\1'),
    (r'out_proj\.(.+)', r'out.\1'),
)
_HALF = (
    (r'norm([12])\.(.+)', r'norm\1.\2'),
    (r'mlp\.fc1\.(.+)', r'mlp.0.\1'),
    (r'mlp\.fc2\.(.+)', r'mlp.2.\1'),
)
_KINDS = {'t': 'temporal', 's': 'spatial'}


def _names() -> list[tuple[str, str]]:
    names = []
    for short, kind in _KINDS.items():
        ours = f'encoders.{{}}.backbone.{kind}'
        names.append((rf'backbone\.ske_emb\.{short}_embedding\.(.+)', rf'{ours}.embed.\1'))
        names.append((rf'{short}_proj\.(.+)', rf'necks.{{}}.{kind}.layers.\1'))
        for number, end in enumerate(('', '1')):
            block = rf'backbone\.{short}_tr{end}\.'
            dense = f'{ours}.blocks.{number}.0'
            for half, part in (('CA', 'convolutional'), ('DSA', 'shifted')):
                for old, new in _ATTENTION:
                    names.append((rf'{block}{half}\.attn\.{old}', rf'{dense}.attention.{new}'))
                for old, new in _HALF:
                    names.append((rf'{block}{half}\.{old}', rf'{dense}.{part}.{new}'))
            names.append((rf'{block}CA\.conv1\.(.+)', rf'{dense}.conv.\1'))
            names.append((rf'{block}DSA\.wt1\.(.+)', rf'{dense}.mix.0.\1'))
            names.append((rf'{block}DSA\.wt2\.(.+)', rf'{dense}.mix.2.\1'))
            plain = rf'backbone\.{short}_tr\.layers\.{number}\.'
            for old, new in _ATTENTION:
                names.append((rf'{plain}self_attn\.{old}', rf'{dense}.attention.{new}'))
            names.append((rf'{plain}norm([12])\.(.+)', rf'{dense}.norm\1.\2'))
            names.append((rf'{plain}linear1\.(.+)', rf'{dense}.mlp.0.\1'))
            names.append((rf'{plain}linear2\.(.+)', rf'{dense}.mlp.2.\1'))
    names.append((r'i_proj\.(.+)', r'necks.{}.instance.layers.\1'))
    names.append((r'backbone\.tpe\.pe', r'encoders.{}.backbone.temporal.codes'))
    names.append((r'backbone\.spe', r'encoders.{}.backbone.spatial.codes'))
    return names


NAMES = tuple(_names())
"""Pairs of a released name and our name. ``{}`` stands for the stream."""


def sizes(encoder: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """Return the sizes of a :class:`SpatioTemporalTransformer`; None for other encoders.

    The released data have two persons and three coordinates.

    Args:
        encoder (Mapping[str, Tensor]): State of a backbone, with our names.
    """
    if 'temporal.codes' not in encoder:
        return None
    width, values = encoder['spatial.embed.0.weight'].shape
    return {
        'hidden_size': width,
        'clip_len': values // 3,
        'num_joints': encoder['spatial.codes'].shape[1] // 2,
        'dense': 'temporal.blocks.0.0.conv.weight' in encoder,
    }
