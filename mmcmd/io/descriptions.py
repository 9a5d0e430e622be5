"""Check what a file says of its encoders, before anything is built from it."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmcmd.errors import InputError

_SCOPES = ('mmcmd.', 'mmaction.')
_DEPTH = 64  # as in pickles
_LONGEST_CLIP = 100_000
_OBJECTS = 'streams', 'data', 'config', 'head', 'fusion', 'pretrained_by'
_LISTS = 'test_pipeline', 'finetune_pipeline', 'evaluated', 'classes'


def check_description(description: Any, source: str) -> None:
    """Check the form of a description, and that it names only classes of our registries.

    mmengine takes a name with dots, such as ``os.system``, for an object of any module, imports it
    and calls it. A description comes out of a file that others may have written.

    Args:
        description (Mapping): See :func:`mmcmd.io.encoders.describe`. An empty one says nothing.
        source (str): Name of the file in the message.

    Raises:
        InputError: If a part is missing or of another kind, or a type is no plain name.
    """
    if not isinstance(description, Mapping):
        raise InputError(f'{source}: what it says of its encoders is no object')
    for fault in _faults(description):
        raise InputError(f'{source}: {fault} in what it says of its encoders; publish it again')
    for key, value in description.items():
        if key != 'config':  # it is for readers, nothing is built from it
            _check_types(value, source)


def _faults(description: Mapping[str, Any]) -> Iterator[str]:
    """Say what has another form than it should."""
    if not description:
        return
    for key in ('layout', 'streams'):
        if key not in description:
            yield f'`{key}` is missing'
    if not isinstance(description['layout'], (str, Mapping)):
        yield '`layout` is neither a name nor an object'
    for key in _OBJECTS:
        if not isinstance(description.get(key, {}), Mapping):
            yield f'`{key}` is no object'
    for key in _LISTS:
        if not isinstance(description.get(key, []), (list, tuple)):
            yield f'`{key}` is no list'
    for name, stream in description['streams'].items():
        if not isinstance(stream, Mapping) or not isinstance(stream.get('backbone'), Mapping):
            yield f'stream {str(name)[:80]!r} has no backbone'
    if not set(description.get('evaluated', ())) <= set(description['streams']):
        yield '`evaluated` names a stream that is not there'
    clip_len = description.get('clip_len', 1)
    if type(clip_len) is not int or not 1 <= clip_len <= _LONGEST_CLIP:
        yield f'`clip_len` is no number from 1 to {_LONGEST_CLIP}'


def _check_types(value: Any, source: str, depth: int = 0) -> None:
    """Check the names of classes in a part of a description."""
    if depth > _DEPTH:
        raise InputError(f'{source}: what it says of its encoders is nested too deep')
    if isinstance(value, Mapping):
        kind = value.get('type', 'none')
        name = kind if isinstance(kind, str) else repr(kind)
        if not name.removeprefix(_scope(name)).isidentifier():
            raise InputError(
                f'{source} asks for the type {name[:80]!r}, and only names of registered classes '
                'are taken from a file; do not use it, it may be meant to run code'
            )
        if '_scope_' in value:
            raise InputError(f'{source} asks for another `_scope_`, which no file may choose')
    parts = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, (Mapping, list, tuple)):
        for part in parts:
            _check_types(part, source, depth + 1)


def _scope(name: str) -> str:
    return next((scope for scope in _SCOPES if name.startswith(scope)), '')
