"""Joint layouts: the joints of a skeleton, their parents, and the joints that orient a body.

Each JSON file of this folder is a layout and an entry of :data:`LAYOUTS`. Transforms, modalities
and converters use its key as a name. For another skeleton, write your own file and give its path
instead of a name.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from mmcmd.errors import InputError, did_you_mean
from mmcmd.skeletons.layout import Layout, take_point

__all__ = ['LAYOUTS', 'Layout', 'get_layout', 'take_point']


def get_layout(name: str | os.PathLike | Mapping[str, Any] | Layout, files: bool = True) -> Layout:
    """Return a layout that is given by its name, by a JSON file or by its fields.

    Args:
        name (str | PathLike | Mapping | Layout): Key of :data:`LAYOUTS`, path of a JSON file with
            the fields of a :class:`Layout`, or the fields. A :class:`Layout` is returned unchanged.
        files (bool): Whether ``name`` may be the path of a file. Use False if the name comes from a
            file of another person. Defaults to True.

    Raises:
        InputError: If there is no such layout (the message lists all names), or the fields do not
            make a layout.
    """
    if isinstance(name, Layout):
        return name
    if isinstance(name, Mapping):
        return _from_fields(name)
    if isinstance(name, str) and name in LAYOUTS:
        return LAYOUTS[name]
    if files and isinstance(name, (str, os.PathLike)) and _is_file_name(os.fspath(name)):
        return read_layout_file(name)
    raise InputError(
        f'there is no skeleton layout {name!r}{did_you_mean(name, LAYOUTS)}; layouts are '
        f'{", ".join(sorted(LAYOUTS))}, or a JSON file of your own (docs/layouts.md)'
    )


def _is_file_name(name: str) -> bool:
    return name.endswith('.json') or os.sep in name or os.path.isfile(name)


def _from_fields(values: Mapping[str, Any]) -> Layout:
    known = [x.name for x in fields(Layout)]
    unknown = [key for key in values if key not in known]
    if unknown:
        raise InputError(
            f'a skeleton layout has no field {unknown[0]!r}{did_you_mean(unknown[0], known)}; its '
            f'fields are {", ".join(known)}'
        )
    if lacking := [key for key in ('name', 'joints', 'parents', 'centre') if key not in values]:
        raise InputError(f'a skeleton layout needs `{lacking[0]}`; its fields are {known}')
    try:
        return Layout(**values)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from None


def read_layout_file(path: str | os.PathLike) -> Layout:
    """Read a layout from a JSON file: an object with the fields of a :class:`Layout`.

    Raises:
        InputError: If there is no such file, it is not JSON, or the fields do not make a layout.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f'{path} is a folder, expected the JSON file of a skeleton layout')
    if not path.is_file():
        raise InputError(f'there is no file {path} of a skeleton layout')
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path} is not JSON: {error}') from None
    if not isinstance(values, dict):
        raise InputError(f'{path}: expected an object with the fields of a layout')
    try:
        return _from_fields(values)
    except InputError as error:
        raise InputError(f'{path}: {error}') from None


LAYOUTS: dict[str, Layout] = {
    path.stem: read_layout_file(path) for path in sorted(Path(__file__).parent.glob('*.json'))
}
NTU, KINECT_V1, COCO, BANDAI2 = (LAYOUTS[x] for x in ('ntu', 'kinect_v1', 'coco', 'bandai2'))
