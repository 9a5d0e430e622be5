"""Augmentations that imitate how recordings differ: other bodies, other speeds, another camera."""

from functools import lru_cache

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import get_layout


@lru_cache(maxsize=16)
def _bone_matrices(parents: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix (V, V) from joints to bones, and its inverse. The root is unchanged."""
    to_bones = np.eye(len(parents))
    for joint, parent in enumerate(parents):
        if joint != parent:
            to_bones[joint, parent] = -1
    return to_bones, np.linalg.inv(to_bones)


def scale_bones(keypoint: np.ndarray, parents: tuple[int, ...], scales: np.ndarray) -> np.ndarray:
    """Multiply the length of each bone by a factor and keep its direction.

    The root stays where it is. A person whose joints are all zero stays zero.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        parents (tuple[int, ...]): Parent of each joint.
        scales (np.ndarray): For each joint, the factor of the bone to its parent, shape (V,).

    Returns:
        np.ndarray: Shape (M, T, V, C), same dtype.
    """
    to_bones, to_joints = _bone_matrices(parents)
    factors = np.where(np.arange(len(parents)) == parents, 1, scales)
    matrix = (to_joints * factors) @ to_bones
    return (matrix.astype(keypoint.dtype) @ keypoint).astype(keypoint.dtype, copy=False)


@TRANSFORMS.register_module()
class BoneLengths(BaseTransform):
    """Change the proportions of the body: make each bone longer or shorter in the whole sequence.

    The left and the right bone of a pair have the same factor. All persons have the same factors.

    Required keys: ``keypoint`` (M, T, V, C), ``layout``, ``rng``. Modified key: ``keypoint``.

    Args:
        spread (float): A factor is drawn from U(1 - spread, 1 + spread). Defaults to 0.2.

    Raises:
        InputError: If the spread is not in [0, 1).
    """

    def __init__(self, spread: float = 0.2) -> None:
        if not 0 <= spread < 1:
            raise InputError(f'spread={spread} of BoneLengths must be in [0, 1); correct it')
        self.spread = spread

    def transform(self, results: dict) -> dict:
        """Scale the bones of ``results['keypoint']``."""
        layout = get_layout(results['layout'])
        scales = results['rng'].uniform(1 - self.spread, 1 + self.spread, layout.num_joints)
        try:
            mirrored = np.array(layout.mirrored)
        except InputError:  # the names of the joints have no sides, or no pairs
            mirrored = np.arange(layout.num_joints)
        scales = scales[np.minimum(mirrored, np.arange(layout.num_joints))]
        results['keypoint'] = scale_bones(results['keypoint'], layout.parents, scales)
        return results


def turn_about(keypoint: np.ndarray, angle: float, axis: int) -> np.ndarray:
    """Rotate every joint of (M, T, V, 3) about a coordinate axis, by an angle in radians."""
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3, dtype=keypoint.dtype)
    matrix[one, one] = matrix[two, two] = np.cos(angle)
    matrix[one, two], matrix[two, one] = np.sin(angle), -np.sin(angle)
    return (keypoint.reshape(-1, 3) @ matrix).reshape(keypoint.shape)


@TRANSFORMS.register_module()
class UpRotation(BaseTransform):
    """Turn the sequence about the vertical, which imitates another position of the camera.

    Required keys: ``keypoint`` (M, T, V, 3), ``rng``. Modified key: ``keypoint``.

    Args:
        degrees (float): The angle is drawn from U(-degrees, degrees). Defaults to 30.
        axis (int): Index of the vertical axis: 0, 1 or 2. Defaults to 2 (z), the direction of the
            spine after :class:`NormalizeSkeleton`.
    """

    def __init__(self, degrees: float = 30.0, axis: int = 2) -> None:
        self.degrees = degrees
        self.axis = axis

    def transform(self, results: dict) -> dict:
        """Turn ``results['keypoint']``."""
        angle = np.radians(results['rng'].uniform(-self.degrees, self.degrees))
        results['keypoint'] = turn_about(results['keypoint'], angle, self.axis)
        return results


def warp_time(keypoint: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """Change the speed within a sequence; the first and the last frame stay.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        speeds (np.ndarray): Positive speeds at K equally spaced times, shape (K,), K >= 2. Between
            these times, the speed is interpolated linearly. Only the ratios of the speeds matter.

    Returns:
        np.ndarray: Shape (M, T, V, C), same dtype.
    """
    frames = keypoint.shape[1]
    if frames < 3:
        return keypoint
    places = np.linspace(0, len(speeds) - 1, frames - 1)
    steps = np.interp(places, np.arange(len(speeds)), speeds)
    position = np.concatenate([[0], np.cumsum(steps)])
    position *= (frames - 1) / position[-1]
    before = np.minimum(position.astype(int), frames - 2)
    weight = (position - before).astype(keypoint.dtype)[:, None, None]
    first = keypoint.take(before, axis=1)
    return first + weight * (keypoint.take(before + 1, axis=1) - first)


@TRANSFORMS.register_module()
class TimeWarp(BaseTransform):
    """Make parts of a sequence faster and others slower, see :func:`warp_time`.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``. Modified key: ``keypoint``.

    Args:
        strength (float): Standard deviation of the logarithm of a speed. Defaults to 0.5.
        knots (int): Number of speeds that are drawn. Defaults to 4.
    """

    def __init__(self, strength: float = 0.5, knots: int = 4) -> None:
        self.strength = strength
        self.knots = knots

    def transform(self, results: dict) -> dict:
        """Warp ``results['keypoint']``."""
        speeds = np.exp(self.strength * results['rng'].normal(size=self.knots))
        results['keypoint'] = warp_time(results['keypoint'], speeds)
        return results
