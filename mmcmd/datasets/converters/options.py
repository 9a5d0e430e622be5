"""Options that several formats take, from the words of a command line."""

import os
from typing import Any

from mmcmd.errors import InputError, did_you_mean
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
    return get_layout(text).to_dict()


SPLITS = {'xsub': 'xsub', 'xview': 'xview', 'xset': 'xset', 'xsetup': 'xset'}
"""Names of splits in other programs, and ours. CMD's data script writes ``xsetup``."""


def name_split(name: str) -> str:
    """Return our name of a split, ``xset`` for ``xsetup``.

    Raises:
        InputError: If no program writes such a name.
    """
    if name not in SPLITS:
        known = ', '.join(SPLITS)
        raise InputError(f'split {name!r} is not one of {known}{did_you_mean(name, SPLITS)}')
    return SPLITS[name]
