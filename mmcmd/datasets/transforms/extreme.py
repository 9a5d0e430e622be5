"""Augmentations of SkeletonCLR, CrosSCLR and AimCLR (AimCLR's "extreme" set).

Each augmentation is a pure function, which takes its random numbers as arguments, and a transform,
which draws them. All persons and frames share one draw, except for noise.
"""

from functools import reduce

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.datasets.transforms.spatial import multiply_coordinates
from mmcmd.datasets.transforms.temporal import blur_time, flip_time, mirror_crop
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import get_layout


def flip_joints(
    keypoint: np.ndarray, mirrored: tuple[int, ...], mirror_axis: int | None = None
) -> np.ndarray:
    """Exchange the left and the right joints.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        mirrored (tuple[int, ...]): For each joint, the joint whose coordinates it gets.
        mirror_axis (int, optional): Coordinate whose sign changes too. By default the coordinates
            themselves are not mirrored.
    """
    flipped = keypoint.take(mirrored, axis=2)
    if mirror_axis is not None:
        flipped[..., mirror_axis] *= -1
    return flipped


def rotate(keypoint: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Rotate every joint about x, then about y, then about z.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, 3).
        degrees (np.ndarray): Angle about each axis, shape (3,).

    Returns:
        np.ndarray: Shape (M, T, V, 3), same dtype.

    Raises:
        InputError: If joints do not have three coordinates.
    """
    if keypoint.shape[-1] != 3:
        raise InputError(
            f'a rotation needs joints of 3 coordinates, but they have {keypoint.shape[-1]}; leave '
            'RandomRotation out of the pipeline'
        )
    angles = np.radians(degrees)
    (a, b, c), (d, e, f) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, a, d], [0, -d, a]])
    about_y = np.array([[b, 0, -e], [0, 1, 0], [e, 0, b]])
    about_z = np.array([[c, f, 0], [-f, c, 0], [0, 0, 1]])
    matrix = reduce(np.matmul, (about_z, about_y, about_x))  # x' = Z Y X x
    return multiply_coordinates(keypoint, matrix.T.astype(keypoint.dtype))


def add_noise(keypoint: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Add noise (M, T, V, C) to every coordinate, also to those of missing persons."""
    return keypoint + noise.astype(keypoint.dtype, copy=False)


def mask_axis(keypoint: np.ndarray, axis: int) -> np.ndarray:
    """Set one coordinate (0, 1 or 2) of every joint of (M, T, V, C) to zero."""
    masked = keypoint.copy()
    masked[..., axis] = 0
    return masked


@TRANSFORMS.register_module()
class MirrorCrop(BaseTransform):
    """Mirror T // ratio frames at both ends and cut T frames out, see :func:`mirror_crop`.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``. Modified key: ``keypoint``.

    Args:
        ratio (int): At least 1. Defaults to 6.

    Raises:
        InputError: If ``ratio`` is less than 1.
    """

    def __init__(self, ratio: int = 6) -> None:
        if ratio < 1:
            raise InputError(f'ratio={ratio} of MirrorCrop must be at least 1; correct it')
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        """Crop ``results['keypoint']``."""
        padding = int(results['keypoint'].shape[1] // self.ratio)
        start = results['rng'].integers(2 * padding, endpoint=True)
        results['keypoint'] = mirror_crop(results['keypoint'], start, padding)
        return results


@TRANSFORMS.register_module()
class JointFlip(BaseTransform):
    """Exchange the left and the right joints, see :func:`flip_joints`.

    The pairs come from the names of the joints in the layout. The transform draws nothing, so put
    it in :class:`RandomApply`.

    Required keys: ``keypoint`` (M, T, V, C), ``layout``. Modified key: ``keypoint``.

    Args:
        mirror_axis (int, optional): Coordinate whose sign changes too, such as 0 for x (SLiM).
    """

    def __init__(self, mirror_axis: int | None = None) -> None:
        self.mirror_axis = mirror_axis

    def transform(self, results: dict) -> dict:
        """Flip ``results['keypoint']``."""
        mirrored = get_layout(results['layout']).mirrored
        results['keypoint'] = flip_joints(results['keypoint'], mirrored, self.mirror_axis)
        return results


@TRANSFORMS.register_module()
class RandomRotation(BaseTransform):
    """Rotate by a large angle about one random axis, and by small angles about the others.

    Required keys: ``keypoint`` (M, T, V, 3), ``rng``. Modified key: ``keypoint``.

    Args:
        max_degrees (float): The angle about the drawn axis is U(0, max_degrees). Defaults to 30.
        other_degrees (float): The other angles are U(0, other_degrees). Defaults to 1.
    """

    def __init__(self, max_degrees: float = 30.0, other_degrees: float = 1.0) -> None:
        self.max_degrees = max_degrees
        self.other_degrees = other_degrees

    def transform(self, results: dict) -> dict:
        """Rotate ``results['keypoint']``."""
        rng = results['rng']
        limits = np.full(3, self.other_degrees)
        limits[rng.integers(3)] = self.max_degrees
        results['keypoint'] = rotate(results['keypoint'], limits * rng.random(3))
        return results


@TRANSFORMS.register_module()
class GaussianNoise(BaseTransform):
    """Add independent noise N(0, std) to every coordinate, see :func:`add_noise`.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``. Modified key: ``keypoint``.

    Args:
        std (float): Standard deviation in the unit of the coordinates. Defaults to 0.01.
        skip_absent (bool): Leave persons that are all zero as they are. Defaults to False.
    """

    def __init__(self, std: float = 0.01, skip_absent: bool = False) -> None:
        self.std = std
        self.skip_absent = skip_absent

    def transform(self, results: dict) -> dict:
        """Add noise to ``results['keypoint']``."""
        keypoint = results['keypoint']
        noise = results['rng'].normal(0, self.std, keypoint.shape)
        if self.skip_absent:
            noise *= keypoint.any(axis=(1, 2, 3), keepdims=True)
        results['keypoint'] = add_noise(keypoint, noise)
        return results


@TRANSFORMS.register_module()
class TemporalBlur(BaseTransform):
    """Blur along time with a Gaussian of random width, see :func:`blur_time`.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``. Modified key: ``keypoint``.

    Args:
        sigma (tuple[float, float]): Least and greatest width in frames. Defaults to (0.1, 2).

    Raises:
        InputError: If the widths are not positive and ascending.
    """

    def __init__(self, sigma: tuple[float, float] = (0.1, 2.0)) -> None:
        if not 0 < sigma[0] <= sigma[1]:
            raise InputError(
                f'sigma={tuple(sigma)} of TemporalBlur must be two positive widths in ascending '
                'order; correct it'
            )
        self.sigma = sigma

    def transform(self, results: dict) -> dict:
        """Blur ``results['keypoint']``."""
        sigma = results['rng'].uniform(*self.sigma)
        results['keypoint'] = blur_time(results['keypoint'], sigma)
        return results


@TRANSFORMS.register_module()
class AxisMask(BaseTransform):
    """Set one random coordinate to zero, the same for every joint, see :func:`mask_axis`.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``. Modified key: ``keypoint``.
    """

    def transform(self, results: dict) -> dict:
        """Mask ``results['keypoint']``."""
        axis = results['rng'].integers(results['keypoint'].shape[-1])
        results['keypoint'] = mask_axis(results['keypoint'], axis)
        return results


@TRANSFORMS.register_module()
class TimeFlip(BaseTransform):
    """Reverse the order of the frames.

    The transform draws nothing, so put it in :class:`RandomApply`.

    Required key: ``keypoint`` (M, T, V, C). Modified key: ``keypoint``.
    """

    def transform(self, results: dict) -> dict:
        """Reverse ``results['keypoint']``."""
        results['keypoint'] = flip_time(results['keypoint'])
        return results
