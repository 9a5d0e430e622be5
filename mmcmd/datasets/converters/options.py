"""Read the options of a command line that several formats have."""

import os
from typing import Any

from mmcmd.errors import InputError, did_you_mean
from mmcmd.skeletons import LAYOUTS, get_layout


def read_layout(text: str | os.PathLike) -> str | dict[str, Any]:
    """Return the name of a known layout, or the fields of a layout in a JSON file.

    Args:
        text (str or PathLike): Key of :data:`LAYOUTS`, or a file that holds the fields of a
            :class:`mmcmd.skeletons.Layout`.

    Returns:
        str | dict: Argument for :func:`get_layout`.

    Raises:
        InputError: If there is no such layout or file, or the fields do not make a layout.
    """
    if text in LAYOUTS:
        return str(text)
    return get_layout(text).to_dict()


SPLITS = {'xsub': 'xsub', 'xview': 'xview', 'xset': 'xset', 'xsetup': 'xset'}
"""Names of splits in other programs, and their names here. CMD's data script writes ``xsetup``."""


def name_split(name: str) -> str:
    """Return the name of a split in this package, such as ``xset`` for ``xsetup``.

    Raises:
        InputError: If the name is unknown.
    """
    if name not in SPLITS:
        known = ', '.join(SPLITS)
        raise InputError(f'split {name!r} is not one of {known}{did_you_mean(name, SPLITS)}')
    return SPLITS[name]
