"""Recordings of joints, checked before an encoder sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.errors import InputError
from mmcmd.skeletons import LAYOUTS, Layout, get_layout


@dataclass(frozen=True)
class Recording:
    """One sequence of joints.

    Attributes:
        keypoint (np.ndarray): Coordinates in metres, shape (M, T, V, C).
        name (str): Name in results and messages.
        layout (Layout, optional): Which joints these are. None means those of the encoder.
        label (int): Class number, :data:`UNLABELLED` if there is none.
        normalized (bool): The file holds coordinates that are pre-normalised already.
        fields (Mapping): What else the file says, such as ``subject``.
    """

    keypoint: np.ndarray
    name: str
    layout: Layout | None = None
    label: int = UNLABELLED
    normalized: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_frames(self) -> int:
        """T."""
        return self.keypoint.shape[1]

    def cut(self, start: int, end: int) -> 'Recording':
        """Return the frames from ``start`` to ``end`` (exclusive) as a recording."""
        return replace(self, keypoint=self.keypoint[:, start:end], name=f'{self.name}@{start}')


def from_array(
    array: Any, name: str, layout: str | Mapping[str, Any] | Layout | None = None
) -> Recording:
    """Make a recording of an array.

    Args:
        array (array_like): Coordinates, shape (T, V, C) or (M, T, V, C): M persons, T frames, V
            joints, C coordinates. A tensor may be on any device.
        name (str): Name of the recording.
        layout (str | Mapping | Layout, optional): Joint layout, see :func:`get_layout`. Defaults to
            that of the encoder.

    Raises:
        InputError: If the array has another rank, no frames, is not of numbers, or holds NaN.
    """
    if hasattr(array, 'detach'):
        array = array.detach().cpu()
    try:
        keypoint = np.asarray(array)
    except ValueError as error:
        raise InputError(f'{name} is no array: {error}') from None
    if keypoint.ndim == 3:
        keypoint = keypoint[None]
    if keypoint.ndim != 4:
        more = '; give several recordings as a list' if keypoint.ndim == 5 else ''
        raise InputError(
            f'{name} has shape {keypoint.shape}, expected (T, V, C) or (M, T, V, C): persons, '
            f'frames, joints, coordinates{more}'
        )
    if keypoint.dtype.kind not in 'fiu':
        raise InputError(f'{name} holds {keypoint.dtype}, expected numbers')
    if keypoint.dtype.kind != 'f' or keypoint.dtype.itemsize > 4:
        with np.errstate(over='ignore'):  # infinity is told below
            keypoint = keypoint.astype(np.float32)
    check_numbers(keypoint, name)
    return Recording(keypoint, name, None if layout is None else get_layout(layout))


def check_numbers(keypoint: np.ndarray, name: str) -> None:
    """Check that there are frames, and that all numbers are finite and not all zero.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        name (str): Name in messages.

    Raises:
        InputError: If not.
    """
    if not keypoint.shape[1]:
        raise InputError(f'{name} has no frames (shape {keypoint.shape}); leave it out')
    if not keypoint.size:
        raise InputError(f'{name} is empty: its shape is {keypoint.shape}')
    if not np.isfinite(keypoint).all():
        person, frame, joint, _ = np.argwhere(~np.isfinite(keypoint))[0]
        raise InputError(
            f'{name}: a coordinate is NaN or infinite (person {person}, frame {frame}, joint '
            f'{joint}); set joints that are missing to zero'
        )
    if not keypoint.any():
        raise InputError(f'{name}: all coordinates are zero, so no body was seen; leave it out')


def check_joints(recording: Recording, layout: Layout, channels: int) -> None:
    """Check that the joints of a recording are those of its layout.

    Args:
        recording (Recording): Its layout may be None.
        layout (Layout): Layout of the encoder.
        channels (int): Coordinates of a joint that the encoder takes.

    Raises:
        InputError: If the number of joints or coordinates is another one.
    """
    *_, joints, found = recording.keypoint.shape
    expected = recording.layout or layout
    if joints != expected.num_joints:
        fitting = [name for name, x in LAYOUTS.items() if x.num_joints == joints]
        known = f' (layouts with {joints}: {", ".join(fitting)})' if fitting else ''
        owner = 'the encoder takes those' if recording.layout is None else 'its layout has those'
        raise InputError(
            f'{recording.name} has {joints} joints, but {owner} of {expected.name!r}, which are '
            f'{expected.num_joints}; say which joints these are by layout=NAME{known}'
        )
    if found != channels:
        raise InputError(
            f'{recording.name} has {found} coordinates a joint, but the encoder takes {channels}'
        )
