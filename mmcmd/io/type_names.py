"""Look through the names of classes in a file before anything is built from them."""

from collections.abc import Mapping
from typing import Any

from mmcmd.errors import InputError

_SCOPES = ('mmcmd.', 'mmaction.')


def check_types(description: Mapping[str, Any], source: str) -> None:
    """Check that a description names only classes of our registries.

    mmengine takes a name with dots, such as ``os.system``, for an object of any module, imports it
    and calls it. A description comes out of a file that others may have written.

    Args:
        description (Mapping): See :func:`mmcmd.io.encoders.describe`.
        source (str): Name of the file in the message.

    Raises:
        InputError: If a type is a name with dots, or no name.
    """
    parts: list[Any] = [x for key, x in description.items() if key != 'config']
    while parts:
        part = parts.pop()
        if isinstance(part, Mapping):
            parts += part.values()
            kind = part.get('type', '')
            name = kind if isinstance(kind, str) else repr(kind)
            if 'type' in part and not name.removeprefix(_scope(name)).isidentifier():
                raise InputError(
                    f'{source} asks for the type {name[:80]!r}, and only names of registered '
                    'classes are taken from a file; do not use it, it may be meant to run code'
                )
            if '_scope_' in part:
                raise InputError(f'{source} asks for another `_scope_`, which no file may choose')
        elif isinstance(part, (list, tuple)):
            parts += part


def _scope(name: str) -> str:
    return next((scope for scope in _SCOPES if name.startswith(scope)), '')
