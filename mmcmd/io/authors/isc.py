"""Tensor names in the checkpoints that ISC released, and sizes of its graph and image encoders."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mmcmd.models.pretrainers.isc import PARTNER

# The query encoder and the key encoder of each of the two representations of a sample.
_PARTS = {'q': ('', ''), 'k': ('key_', ''), 'r': ('', PARTNER), 'l': ('key_', PARTNER)}
_QUEUES = {'1': '', '2': PARTNER}

_GRU = ((r'encoder\.gru\.(.+)', r'backbone.rnn.\1'),)
_AGCN = (
    (r'(data_bn\..+)', r'backbone.\1'),
    (r'l(\d+)\.(gcn|tcn)1\.(.+)', r'backbone.gcn.\1.\2.\3'),
    (r'l(\d+)\.(residual\..+)', r'backbone.gcn.\1.\2'),
)
_LAYERS = {'1': 'point', '2': 'time', '3': 'joints', '4': 'local'}
_HCN = (
    *(
        (rf'conv{number}{mark}(?:\.0)?\.(weight|bias)', rf'backbone.{branch}.{layer}.\1')
        for mark, branch in (('', 'position'), ('m', 'motion'))
        for number, layer in _LAYERS.items()
    ),
    (r'conv5\.0\.(weight|bias)', r'backbone.joined.\1'),
    (r'conv6\.0\.(weight|bias)', r'backbone.last.\1'),
)
ENCODERS = (*_GRU, *_AGCN, *_HCN)
"""Pairs of a released name and our name below ``encoders.{stream}.``. The blocks of 2s-AGCN keep
their released numbers, which start at 1; :func:`translate` changes them."""
_NECK = ((r'fc\.0\.(weight|bias)', r'hidden.\1'), (r'fc\.2\.(weight|bias)', r'out.\1'))


def rename(name: str, stream: str) -> str | None:
    """Return our name of a released tensor, or None if there is no such tensor.

    Args:
        name (str): Released name, such as ``encoder_q.fc.2.bias`` or ``Queue_S1``.
        stream (str): The modality of the file.
    """
    if match := re.fullmatch(r'(Queue|queue_ptr)_S([12])', name):
        return f'queues.{stream}{_QUEUES[match[2]]}.{match[1].lower()}'
    if match := re.fullmatch(r'encoder_([qkrl])\.(.+)', name):
        role, end = _PARTS[match[1]]
        for group, table in (('encoders', ENCODERS), ('necks', _NECK)):
            if ours := translate(match[2], table):
                return f'{role}{group}.{stream}{end}.{ours}'
    return None


def translate(name: str, table: tuple[tuple[str, str], ...]) -> str | None:
    """Translate a name by a table, and count the blocks of 2s-AGCN from 0.

    Args:
        name (str): Released name, without the prefix of its encoder.
        table (tuple): Pairs of a released name (a regular expression) and our name.

    Returns:
        str | None: Our name; None if the table does not have the released name.
    """
    for theirs, ours in table:
        if found := re.fullmatch(theirs, name):
            return re.sub(r'gcn\.(\d+)', lambda x: f'gcn.{int(x[1]) - 1}', found.expand(ours))
    return None


def kind(encoder: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """Return the type and the sizes of a graph or image encoder; None for other encoders.

    Args:
        encoder (Mapping[str, Tensor]): State of a backbone, with our names.
    """
    if 'joined.weight' in encoder:
        channels, clip_len = encoder['last.weight'].shape[0] // 4, encoder['motion.time.bias']
        return {'type': 'HCN', 'channels': channels, 'clip_len': len(clip_len)}
    if 'gcn.0.gcn.conv_a.0.weight' in encoder:
        return {'type': 'AGCN', 'base_channels': len(encoder['gcn.0.tcn.conv.bias'])}
    return None
