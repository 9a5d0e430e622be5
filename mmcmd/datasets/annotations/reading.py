"""Read, check and write annotation pickles in the style of pyskl.

Reading never runs code from the pickle. Writing produces a complete file or no file.
"""

import os
import pickle
import reprlib
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.errors import InputError
from mmcmd.io.files import replace_file
from mmcmd.io.safe_pickle import load_plain
from mmcmd.skeletons import Layout, get_layout


class AnnotationsNotFoundError(InputError, FileNotFoundError):
    """There is no annotation file; the message says which command makes it."""


LONGEST_NAME = 200
"""Limit for the name of a sample, in bytes, because names of files contain it."""

UNLABELLED = -1
"""The label of a sample that has none."""

_MOST = 1 << 31  # limit for labels and numbers of frames

SYNTHETIC_MARK = 'SYNTHETIC.txt'
"""A folder with this file in it holds simulated data."""


def load_annotations(path: str | os.PathLike) -> dict[str, Any]:
    """Load a pyskl-style pickle (or a bare list of annotations) without running code from it.

    Args:
        path (str or PathLike): The pickle.

    Returns:
        dict: ``split`` (dict[str, list[str]], sample names), ``annotations`` (list[dict]) with at
        least ``frame_dir`` (str), ``label`` (int, :data:`UNLABELLED` if the file has none),
        ``keypoint`` ``(M, T, V, C)`` in metres and ``total_frames`` (int), and all other entries
        of the file, such as ``layout`` (see :func:`get_layout`), ``normalized`` (bool, coordinates
        are pre-normalised already) and ``synthetic`` (bool).

    Raises:
        AnnotationsNotFoundError: If there is no such file; the message has the command that makes
            it.
        InputError: If the pickle is truncated, holds anything but arrays and plain containers, or
            a sample is malformed.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f'{path} is a folder, expected the .pkl file of annotations')
    if not path.is_file():
        raise AnnotationsNotFoundError(
            f'there is no annotation file {path}; '
            f'make it with: mmcmd convert FORMAT SOURCE --out {path}'
        )
    try:
        with path.open('rb') as file:
            data = load_plain(file)
    except Exception as error:  # a damaged pickle may cause an error of any type
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(
            f'{path} is not an annotation pickle that can be loaded: {reason}'
        ) from None
    if isinstance(data, list):
        data = {'annotations': data}
    if isinstance(data, dict):
        data.setdefault('split', {})
    check_annotations(data, path)
    return data


def check_annotations(data: Any, path: str | os.PathLike) -> None:
    """Check the types that :func:`load_annotations` returns, and turn numpy integers into ``int``.

    Args:
        data (dict): As returned by :func:`load_annotations`.
        path (str or PathLike): The file to name in messages.

    Raises:
        InputError: If something is missing or malformed; the message names file and sample.
    """
    if not (isinstance(data, dict) and isinstance(data.get('annotations'), list)):
        raise InputError(f'{path}: expected a dict with a list `annotations`, or such a list')
    if not _is_names(list(data)):
        raise InputError(f'{path}: the keys of its dict must be text')
    split = data.get('split')
    if not (isinstance(split, dict) and all(map(_is_names, (list(split), *split.values())))):
        raise InputError(f'{path}: `split` must be a dict of lists of sample names')
    for key in ('normalized', 'synthetic'):
        if not isinstance(data.get(key), (bool, int, np.bool_, type(None))):
            raise InputError(f'{path}: `{key}` must be true or false')
    num_joints = None
    if data.get('layout') is not None:
        try:
            num_joints = get_layout(data['layout'], files=False).num_joints
        except (InputError, TypeError) as error:  # the value may have any type
            raise InputError(f'{path}: {error}') from None
    for index, sample in enumerate(data['annotations']):
        fault = _fault(sample, num_joints)
        if fault:
            raise InputError(f'{path}: sample {_called(sample, index)}: {fault}')


def _is_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)


def _called(sample: Any, index: int) -> str:
    """Return how a message names a sample: one line of printable text."""
    if not isinstance(sample, dict) or 'frame_dir' not in sample:
        return f'number {index}'
    name = sample['frame_dir']
    is_fit = isinstance(name, str) and name.isprintable()
    return name[:LONGEST_NAME] if is_fit else reprlib.repr(name)


def _fault(sample: Any, num_joints: int | None) -> str | None:
    """Return what is wrong with one annotation; None if nothing is."""
    if not isinstance(sample, dict):
        return f'expected a dict, got {type(sample).__name__}'
    if sample.get('label') is None:
        sample['label'] = UNLABELLED
    missing = {'frame_dir', 'keypoint', 'total_frames'} - sample.keys()
    if missing:
        return f'lacks {", ".join(sorted(missing))}'
    if not isinstance(sample['frame_dir'], str):
        return f'`frame_dir` must be text, got {reprlib.repr(sample["frame_dir"])}'
    name = sample['frame_dir']
    if not name.isprintable() or len(name.encode()) > LONGEST_NAME:
        return f'`frame_dir` must be printable text of at most {LONGEST_NAME} bytes'
    for key, least in (('label', UNLABELLED), ('total_frames', 0)):
        value = sample[key]
        is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not is_integer or not least <= value < _MOST:
            return f'`{key}` must be an integer in [{least}, {_MOST}), got {reprlib.repr(value)}'
        sample[key] = int(value)
    keypoint = sample['keypoint']
    fault = keypoint_fault(keypoint, num_joints)
    if not fault and sample['total_frames'] != keypoint.shape[1]:
        return f'`total_frames` is {sample["total_frames"]} but `keypoint` has {keypoint.shape[1]}'
    return fault


def keypoint_fault(keypoint: Any, num_joints: int | None = None) -> str | None:
    """Return what is wrong with the coordinates of a sequence; None if nothing is.

    Args:
        keypoint (np.ndarray): Should have the shape (M, T, V, C), and hold finite numbers.
        num_joints (int, optional): The number ``V`` of joints of the layout.
    """
    if not isinstance(keypoint, np.ndarray) or keypoint.dtype.kind not in 'fiu':
        return '`keypoint` must be an array of numbers'
    if keypoint.ndim != 4 or not keypoint.size:
        return f'`keypoint` must have shape (M, T, V, C) and no empty axis, got {keypoint.shape}'
    if num_joints not in (None, keypoint.shape[2]):
        return f'`keypoint` has {keypoint.shape[2]} joints, the layout {num_joints}'
    if not np.isfinite(keypoint).all():
        return '`keypoint` holds NaN or infinity'
    return None


def save_annotations(data: dict[str, Any], path: str | os.PathLike) -> None:
    """Check annotations and write them as a complete file or not at all (pickle protocol 4).

    Args:
        data (dict): Annotations, see :func:`load_annotations`.
        path (str or PathLike): The file to write; its folder must exist.

    Raises:
        InputError: If the annotations are malformed; nothing is written.
    """
    check_annotations(data, path)
    if isinstance(data.get('layout'), Layout):  # load_annotations refuses objects such as a Layout
        data = {**data, 'layout': data['layout'].to_dict()}
    with replace_file(path) as file:
        pickle.dump(data, file, protocol=4)
