"""Check the description of the encoders in a file, before a model is built from it."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from mmcmd.errors import InputError

_SCOPES = ('mmcmd.', 'mmaction.')
_DEPTH = 64  # as in pickles
_LONGEST_CLIP = 100_000
_OBJECTS = 'streams', 'data', 'config', 'head', 'fusion', 'pretrained_by'
_LISTS = 'test_pipeline', 'finetune_pipeline', 'evaluated', 'classes'


def check_description(description: Any, source: str) -> None:
    """Check the form of a description, and that it names only classes of our registries.

    If a type is a name with dots, such as ``os.system``, mmengine imports this object and calls it.
    But a description comes from a file that somebody else may have written.

    Args:
        description (Mapping): See :func:`mmcmd.io.encoders.describe`. It may be empty.
        source (str): Name of the file in the message.

    Raises:
        InputError: If an entry is missing or has a wrong kind, or a type is not a plain name.
    """
    if not isinstance(description, Mapping):
        raise InputError(f'{source}: the description of its encoders is not an object')
    for fault in _faults(description):
        raise InputError(f'{source}: {fault} in the description of its encoders; publish it again')
    for key, value in description.items():
        if key != 'config':  # it is only for people; nothing is built from it
            _check_types(value, source)


def _faults(description: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each entry that has a wrong form."""
    if not description:
        return
    for key in ('layout', 'streams'):
        if key not in description:
            yield f'`{key}` is missing'
    if not isinstance(description['layout'], (str, Mapping)):
        yield '`layout` is neither a name nor an object'
    for key in _OBJECTS:
        if not isinstance(description.get(key, {}), Mapping):
            yield f'`{key}` is not an object'
    for key in _LISTS:
        if not isinstance(description.get(key, []), (list, tuple)):
            yield f'`{key}` is not a list'
    for name, stream in description['streams'].items():
        if not isinstance(stream, Mapping) or not isinstance(stream.get('backbone'), Mapping):
            yield f'stream {str(name)[:80]!r} has no backbone'
    if not set(description.get('evaluated', ())) <= set(description['streams']):
        yield '`evaluated` names a stream that does not exist'
    clip_len = description.get('clip_len', 1)
    if type(clip_len) is not int or not 1 <= clip_len <= _LONGEST_CLIP:
        yield f'`clip_len` is not a whole number from 1 to {_LONGEST_CLIP}'


def _check_types(value: Any, source: str, depth: int = 0) -> None:
    """Check the names of classes in a part of a description."""
    if depth > _DEPTH:
        raise InputError(f'{source}: the description of its encoders is nested too deep')
    if isinstance(value, Mapping):
        kind = value.get('type', 'none')
        name = kind if isinstance(kind, str) else repr(kind)
        plain = name.removeprefix(_scope(name))
        if not plain.isidentifier() or ('type' in value and _is_module(plain)):
            raise InputError(
                f'{source} asks for the type {name[:80]!r}, but a file may only name registered '
                'classes; do not use this file, because it may try to run code'
            )
        # mmengine would open the checkpoint of an `init_cfg`, also on another machine.
        if isinstance(value.get('checkpoint'), str):
            raise InputError(
                f'{source} names a further checkpoint, and an encoder has its weights in one file; '
                'do not use this file'
            )
        if '_scope_' in value:
            raise InputError(f'{source} asks for another `_scope_`, which a file may not choose')
    parts = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, (Mapping, list, tuple)):
        for part in parts:
            _check_types(part, source, depth + 1)


def _is_module(name: str) -> bool:
    """Return whether mmengine would import a module, because no class has this name."""
    try:
        if find_spec(name) is None:
            return False
    except ValueError:  # a module without a specification, such as __main__
        return True
    from mmcmd.registry import MODELS, TRANSFORMS  # slow, and hardly ever needed

    registry: Any
    for registry in (MODELS, TRANSFORMS):
        while registry is not None:
            registry.import_from_location()
            if name in registry.module_dict:
                return False
            registry = registry.parent
    return True


def _scope(name: str) -> str:
    return next((scope for scope in _SCOPES if name.startswith(scope)), '')
