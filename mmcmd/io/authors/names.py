"""Rename the tensors in checkpoints of a method's authors to our names."""

import re
from collections.abc import Mapping

from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.io.authors import clr, cmd, isc, pcm3
from mmcmd.io.authors.stgcn import spread_adjacency

FIRST = 'joint'
"""The stream whose released names have no suffix. The others have ``_motion`` or ``_bone``."""

# For each method: names of the first stream, and names of the later streams.
TABLES = {
    'cmd': (cmd.NAMES, cmd.NAMES),
    'skeletonclr': (clr.NAMES, ()),
    'crossclr': (clr.NAMES, clr.SHARED),
    'aimclr': (clr.NAMES, ()),
    'pcm3': (cmd.NAMES, ()),
}
# Methods whose names are of another form.
RENAMERS = {'isc': isc.rename}
# For each method that has some: names of what is neither an encoder nor a queue.
OTHERS = {'pcm3': pcm3.NAMES}
METHODS = (*TABLES, *RENAMERS)
"""The methods whose released checkpoints can be read."""

_ENCODER = re.compile(r'encoder_([qk])(?:_(motion|bone))?\.(.+)')
_QUEUE = re.compile(r'queue(_ptr)?(?:_(joint|motion|bone))?')


def rename_authors_state(
    method: str,
    state: Mapping[str, Tensor],
    stream: str = FIRST,
    source: str = 'the checkpoint',
) -> dict[str, Tensor]:
    """Rename the tensors of a method's released code to the names in our model.

    Args:
        method (str): One of :data:`METHODS`.
        state (Mapping[str, Tensor]): Tensors with names such as ``encoder_q_motion.fc.2.bias`` and
            ``queue_bone``. A ``module.`` before them is dropped.
        stream (str): The stream that names without a suffix belong to. Defaults to ``'joint'``. A
            file of one stream does not say which stream it is.
        source (str): Name of the file in messages.

    Returns:
        dict[str, Tensor]: The same tensors. The adjacency of an ST-GCN is copied to each of its
        blocks.

    Raises:
        InputError: If there is no such method, or the method has no tensor of a name.
    """
    if method not in METHODS:
        raise InputError(
            f'there is no converter for checkpoints of {method!r}; give one of {", ".join(METHODS)}'
        )
    renamed = {}
    for name, tensor in state.items():
        ours = _rename(method, name.removeprefix('module.'), stream)
        if ours is None:
            raise InputError(
                f'{name!r} in {source} is not a tensor of the released pre-training of {method}; '
                'give the checkpoint that this pre-training wrote'
            )
        renamed[ours] = tensor
    for name in [name for name in renamed if name.endswith(clr.ADJACENCY)]:
        renamed = spread_adjacency(renamed, name.removesuffix('A'))
    return renamed


def _rename(method: str, name: str, stream: str) -> str | None:
    """Return our name of a tensor, or None if the method has no such tensor."""
    if method in RENAMERS:
        return RENAMERS[method](name, stream)
    first, later = TABLES[method]
    if match := _QUEUE.fullmatch(name):
        if match[2] and not later:
            return None
        return f'queues.{match[2] or stream}.queue{match[1] or ""}'
    if match := _ENCODER.fullmatch(name):
        part, suffix, rest = match.groups()
        for theirs, ours in later if suffix else first:
            if found := re.fullmatch(theirs, rest):
                renamed = found.expand(ours).format(suffix or stream)
                return renamed if part == 'q' else f'key_{renamed}'
    for theirs, ours in OTHERS.get(method, ()):
        if found := re.fullmatch(theirs, name):
            return found.expand(ours).format(stream)
    return None
