"""Names of data sets and of work dirs."""

from pathlib import Path

from mmcmd.apis import choices
from mmcmd.errors import InputError


def slug(name: str) -> str:
    """Convert the name of a method to the name of a folder."""
    plain = {'<->': '-with-', '<-': '-from-', '&': '-and-', ', ': '+', ' ': '-'}
    for text, replacement in plain.items():
        name = name.replace(text, replacement)
    return name.lower()


def datasets(name: str) -> list[str]:
    """List the data sets and splits that a name means: ``ntu60`` means all its splits.

    A path of a Python file, like those in ``configs/_base_/datasets``, is returned unchanged.

    Raises:
        InputError: If there is no such data set.
    """
    if name.endswith('.py') and Path(name).is_file():
        return [name]
    known = choices('datasets')
    found = [x for x in known if name in (x, x.rsplit('_', 1)[0])]
    if not found:
        raise InputError(f'there is no data set {name!r}; give one of {", ".join(known)}')
    return found
