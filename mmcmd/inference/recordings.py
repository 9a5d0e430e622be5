"""Recordings of joints, and checks whether an encoder can take them."""

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
        layout (Layout, optional): Joint layout. None means the layout of the encoder.
        label (int): Class number, :data:`UNLABELLED` if there is none.
        normalized (bool): The coordinates in the file are already pre-normalised.
        fields (Mapping): Further metadata in the file, such as ``subject``.
    """

    keypoint: np.ndarray
    name: str
    layout: Layout | None = None
    label: int = UNLABELLED
    normalized: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return self.keypoint.shape[1]

    def cut(self, start: int, end: int) -> 'Recording':
        """Return the frames from ``start`` to ``end`` (exclusive) as a recording."""
        return replace(self, keypoint=self.keypoint[:, start:end], name=f'{self.name}@{start}')


def from_array(
    array: Any, name: str, layout: str | Mapping[str, Any] | Layout | None = None
) -> Recording:
    """Make a recording from an array.

    Args:
        array (array_like): Coordinates, shape (T, V, C) or (M, T, V, C): M persons, T frames, V
            joints, C coordinates. A tensor may be on any device.
        name (str): Name of the recording.
        layout (str | Mapping | Layout, optional): Joint layout, see :func:`get_layout`. Defaults to
            that of the encoder.

    Raises:
        InputError: If the array has another rank, has no frames, does not hold numbers, or holds
            numbers that :func:`check_numbers` refuses.
    """
    if hasattr(array, 'detach'):
        array = array.detach().cpu()
    try:
        keypoint = np.asarray(array)
    except ValueError as error:
        raise InputError(f'{name} is not an array: {error}') from None
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
        with np.errstate(over='ignore'):  # check_numbers reports infinity
            keypoint = keypoint.astype(np.float32)
    check_numbers(keypoint, name)
    return Recording(keypoint, name, None if layout is None else get_layout(layout))


def check_numbers(keypoint: np.ndarray, name: str) -> None:
    """Check that there are frames, and that all numbers are finite and not all zero.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        name (str): Name in messages.

    Raises:
        InputError: If a check fails.
    """
    if not keypoint.shape[1]:
        raise InputError(f'{name} has no frames (shape {keypoint.shape}); leave it out')
    if not keypoint.size:
        raise InputError(f'{name} is empty: its shape is {keypoint.shape}')
    if not np.isfinite(keypoint).all():
        person, frame, joint, _ = np.argwhere(~np.isfinite(keypoint))[0]
        raise InputError(
            f'{name}: a coordinate is NaN or infinite (person {person}, frame {frame}, joint '
            f'{joint}); set missing joints to zero'
        )
    if not keypoint.any():
        raise InputError(f'{name}: all coordinates are zero, so no body was seen; leave it out')


def check_joints(recording: Recording, layout: Layout, channels: int) -> None:
    """Check that the joints of a recording are those of its layout.

    Args:
        recording (Recording): Its layout may be None.
        layout (Layout): Layout of the encoder.
        channels (int): Number C of coordinates of a joint that the encoder takes.

    Raises:
        InputError: If the number of joints or of coordinates differs.
    """
    *_, joints, found = recording.keypoint.shape
    expected = recording.layout or layout
    if joints != expected.num_joints:
        fitting = [name for name, x in LAYOUTS.items() if x.num_joints == joints]
        known = f' (layouts with {joints}: {", ".join(fitting)})' if fitting else ''
        owner = 'the encoder takes' if recording.layout is None else 'its layout has'
        raise InputError(
            f'{recording.name} has {joints} joints, but {owner} the {expected.num_joints} joints '
            f'of {expected.name!r}; name the joint layout with layout=NAME{known}'
        )
    if found != channels:
        raise InputError(
            f'{recording.name} has {found} coordinates per joint, but the encoder takes {channels}'
        )
