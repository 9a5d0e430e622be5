"""Options that several formats take, from the words of a command line."""

import json
import os
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any

from mmcmd.errors import InputError
from mmcmd.skeletons import LAYOUTS, get_layout


def read_layout(text: str | os.PathLike) -> str | dict[str, Any]:
    """Return the layout of that name, or the fields of one in a JSON file.

    Args:
        text (str or PathLike): Key of :data:`LAYOUTS`, or a file that holds the fields of a
            :class:`mmcmd.skeletons.Layout`.

    Returns:
        str | dict: As :func:`get_layout` takes it.

    Raises:
        InputError: If there is neither, or the fields do not make a layout.
    """
    if text in LAYOUTS:
        return str(text)
    path = Path(text)
    if not path.is_file():
        known = ', '.join(sorted(LAYOUTS))
        raise InputError(f'layout {str(text)!r} is neither one of {known} nor a JSON file')
    try:
        fields = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path} is not JSON: {error}') from None
    if not isinstance(fields, dict):
        raise InputError(f'{path}: expected an object with the fields of a layout')
    try:
        layout = get_layout(fields)
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    pairs = [pair for pair in (layout.spine, layout.shoulders) if pair is not None]
    joints = (*layout.parents, layout.centre, layout.trunk)
    if not all(type(x) is int for x in chain(joints, *pairs, *(layout.parts or ()))):
        raise InputError(f'{path}: a joint is told by its index, an integer')
    if not all(len(pair) == 2 for pair in pairs):
        raise InputError(f'{path}: `spine` and `shoulders` must be two joints each')
    if not all(isinstance(name, str) for name in (layout.name, *layout.joints)):
        raise InputError(f'{path}: `name` and `joints` must be text')
    return layout.to_dict()


SPLITS = {'xsub': 'xsub', 'xview': 'xview', 'xset': 'xset', 'xsetup': 'xset'}
"""Names of splits in other programs, and ours. CMD's data script writes ``xsetup``."""


def name_split(name: str) -> str:
    """Return our name of a split, ``xset`` for ``xsetup``.

    Raises:
        InputError: If no program writes such a name.
    """
    if name not in SPLITS:
        near = get_close_matches(name, SPLITS, n=1)
        meant = f'; did you mean {near[0]}?' if near else ''
        raise InputError(f'split {name!r} is not one of {", ".join(SPLITS)}{meant}')
    return SPLITS[name]
