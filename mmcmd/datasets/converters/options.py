"""Options that several formats take, from the words of a command line."""

import os
import re
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
    return get_layout(text).to_dict()


def check_split(name: str | None) -> str | None:
    """Return the name of a split, ``xsub`` for example, if it can be one.

    Raises:
        InputError: If it cannot.
    """
    if name is not None and not re.fullmatch(r'[A-Za-z0-9_-]+', name):
        raise InputError(f'split {name!r}: expected letters, digits and _, such as xsub')
    return name
