"""Check the coordinates of one person from a raw file, and turn them into a ``keypoint``."""

from typing import Any

import numpy as np


def to_keypoint(values: Any, num_joints: int, name: str) -> np.ndarray:
    """Turn the frames of one person into the ``keypoint`` of an annotation.

    Args:
        values (array_like): Numbers in metres, ``(T, V, 3)``.
        num_joints (int): The number V of joints.
        name (str): Name of the values in messages.

    Returns:
        np.ndarray: float32 ``(1, T, V, 3)``.

    Raises:
        ValueError: If the values are not such numbers, not finite, or all zero. The message
            contains ``name``.
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
    """Make an array of nested lists of numbers.

    Text is refused first, because numpy would give every item the memory of the longest text.
    """
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
