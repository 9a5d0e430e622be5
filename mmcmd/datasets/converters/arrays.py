"""Coordinates of one person as a raw file holds them, checked."""

from typing import Any

import numpy as np


def to_keypoint(values: Any, num_joints: int, name: str) -> np.ndarray:
    """Turn the frames of one person into the ``keypoint`` of an annotation.

    Args:
        values (array_like): Numbers in metres, ``(T, V, 3)``.
        num_joints (int): V.
        name (str): What the messages call it.

    Returns:
        np.ndarray: float32 ``(1, T, V, 3)``.

    Raises:
        ValueError: If they are not such numbers, or not finite, or all zero; says ``name``.
    """
    array = _numbers(values, num_joints, name) if isinstance(values, list) else np.asarray(values)
    if array.dtype.kind not in 'fiu' or array.ndim != 3 or array.shape[1:] != (num_joints, 3):
        raise ValueError(
            f'{name} must be numbers (T, {num_joints}, 3), got {array.dtype} {array.shape}'
        )
    if not len(array):
        raise ValueError(f'{name} has no frames')
    with np.errstate(over='ignore'):
        keypoint = array[None].astype(np.float32)
    if not np.isfinite(keypoint).all():
        raise ValueError(f'{name}: a coordinate is NaN or infinite')
    if not keypoint.any():
        raise ValueError(f'{name}: no joint is ever non-zero (a missing skeleton)')
    return keypoint


def _numbers(values: list, num_joints: int, name: str) -> np.ndarray:
    """Make an array of lists of numbers; text would take the room of the longest, over and over."""
    array = np.asarray(values, object)
    others = {type(value).__name__ for value in array.flat} - {'int', 'float'}
    if others:
        raise ValueError(
            f'{name} is no array, it must be numbers (T, {num_joints}, 3) and holds '
            f'{", ".join(sorted(others))}'
        )
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise ValueError(f'{name}: a coordinate is NaN or infinite') from None
