"""Rename the tensors in the checkpoints of a method's authors to our names."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.io.authors import ascal, clr, cmd, isc, mamp, ms2l, pc, pcm3, slim, stars, usdrl
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
# For each method whose names have another form: a function that renames.
RENAMERS = {'isc': isc.rename}
# For methods that have other tensors than those of encoders and queues: names of these tensors.
OTHERS = {'pcm3': pcm3.NAMES}
# For each method whose names never have a stream as a suffix: all names.
PLAIN: dict[str, tuple[tuple[str, str], ...]] = {
    'ascal': ascal.NAMES,
    'mamp': mamp.NAMES,
    'ms2l': ms2l.NAMES,
    'pc': pc.NAMES,
    'slim': slim.NAMES,
    'stars': stars.NAMES,
    'usdrl': usdrl.NAMES,
}
READERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Tensor]]] = {
    'ascal': ascal.tensors,
    'mamp': mamp.tensors,
    'pc': pc.tensors,
    'slim': slim.tensors,
}
"""Maps a method to a function that finds the tensors, if they are not in the ``state_dict``."""
METHODS = (*TABLES, *RENAMERS, *PLAIN)
"""The methods whose released checkpoints can be read."""

_ENCODER = re.compile(r'encoder_([qk])(?:_(motion|bone))?\.(.+)')
_QUEUE = re.compile(r'queue(_ptr)?(?:_(joint|motion|bone))?')


def authors_tensors(
    method: str, checkpoint: Mapping[str, Any], source: str = 'the checkpoint'
) -> dict[str, Tensor]:
    """Find the tensors in a checkpoint of a method's released code.

    Args:
        method (str): One of :data:`METHODS`.
        checkpoint (Mapping): The content of the file.
        source (str): Name of the file in messages.

    Returns:
        dict[str, Tensor]: The tensors, with their released names.

    Raises:
        InputError: If the checkpoint is not a checkpoint of this method.
    """
    read = READERS.get(method, lambda file: file.get('state_dict', file))
    try:
        state = read(checkpoint)
    except (LookupError, AttributeError, TypeError):
        raise InputError(
            f'{source} is not a checkpoint of the released pre-training of {method}; give the '
            'checkpoint that this pre-training wrote'
        ) from None
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(x, Tensor) for name, x in state.items()
    ):
        raise InputError(
            f'{source} has no state_dict of tensors, so it is not a checkpoint of the released '
            f'pre-training of {method}; give the checkpoint that this pre-training wrote'
        )
    return dict(state)


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
        InputError: If there is no such method, or the method has no tensor with such a name.
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
    if method in PLAIN:
        return _expand(PLAIN[method], name, stream)
    first, later = TABLES[method]
    if match := _QUEUE.fullmatch(name):
        if match[2] and not later:
            return None
        return f'queues.{match[2] or stream}.queue{match[1] or ""}'
    if match := _ENCODER.fullmatch(name):
        part, suffix, rest = match.groups()
        renamed = _expand(later if suffix else first, rest, suffix or stream)
        return renamed if renamed is None or part == 'q' else f'key_{renamed}'
    return _expand(OTHERS.get(method, ()), name, stream)


def _expand(names: Sequence[tuple[str, str]], name: str, stream: str) -> str | None:
    """Return our name of a tensor by a table of names; None if the table does not have it."""
    for theirs, ours in names:
        if found := re.fullmatch(theirs, name):
            return found.expand(ours).format(stream)
    return None
