"""Augmentations of the coordinates and joints: shear, masks and corruption."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.registry import TRANSFORMS


def multiply_coordinates(keypoint: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply every joint of (..., C) by a matrix (C, C), in one product for all frames."""
    return (keypoint.reshape(-1, len(matrix)) @ matrix).reshape(keypoint.shape)


def shear(keypoint: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply every joint x of (M, T, V, C) by a matrix S (C, C): ``x' = S x``."""
    return multiply_coordinates(keypoint, matrix.T.astype(keypoint.dtype, copy=False))


@TRANSFORMS.register_module()
class Shear(BaseTransform):
    """Multiply every coordinate by one random 3x3 shear: diagonal 1, the rest U(-beta, beta).

    Required keys: ``keypoint`` (M, T, V, C), ``rng``. Modified key: ``keypoint``.

    Args:
        beta (float): Largest shear factor. Defaults to 1.
    """

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def transform(self, results: dict) -> dict:
        """Shear ``results['keypoint']``."""
        channels = results['keypoint'].shape[-1]
        matrix = (
            results['rng'].uniform(-self.beta, self.beta, (channels, channels)).astype(np.float32)
        )
        matrix.flat[:: channels + 1] = 1
        results['keypoint'] = shear(results['keypoint'], matrix.T)
        return results


def mask_joints(keypoint: np.ndarray, joints: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Set some joints to zero in some frames, in all persons.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        joints (np.ndarray): Indices of the joints, shape (J,).
        frames (np.ndarray): Indices of the frames, shape (F,).

    Returns:
        np.ndarray: A copy, shape (M, T, V, C).
    """
    masked = keypoint.copy()
    masked[:, np.asarray(frames)[:, None], np.asarray(joints)] = 0
    return masked


@TRANSFORMS.register_module()
class JointMask(BaseTransform):
    """Set random joints to zero in random frames (AS-CAL), see :func:`mask_joints`.

    Frames are drawn one by one, so they need not follow each other.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``. Modified key: ``keypoint``.

    Args:
        joints (tuple[int, int]): Least and greatest number of joints. Defaults to (5, 15).
        frames (tuple[int, int], optional): Least and greatest number of frames. Defaults to
            (50, 100), or to (20, 50) for a sequence of fewer than 100 frames.

    Both numbers are limited to those of the sequence.
    """

    def __init__(
        self, joints: tuple[int, int] = (5, 15), frames: tuple[int, int] | None = None
    ) -> None:
        self.joints = joints
        self.frames = frames

    def transform(self, results: dict) -> dict:
        """Mask ``results['keypoint']``."""
        keypoint, rng = results['keypoint'], results['rng']
        num_frames, num_joints = keypoint.shape[1:3]
        frames = self.frames or ((20, 50) if num_frames < 100 else (50, 100))
        chosen = [
            rng.permutation(total)[: rng.integers(*bounds, endpoint=True)]
            for total, bounds in ((num_joints, self.joints), (num_frames, frames))
        ]
        results['keypoint'] = mask_joints(keypoint, *chosen)
        return results


@TRANSFORMS.register_module()
class JointCorruption(BaseTransform):
    """Corrupt the same joints in all frames and persons: set them to zero or mix their coordinates.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``. Modified key: ``keypoint``.

    Args:
        ratio (float): Share of the joints that are corrupted. 0.6 of 25 joints are 15 joints, as in
            the paper. Defaults to 0.6.
        zero_prob (float): Probability that the joints are set to zero. Otherwise they are
            multiplied by a random C x C matrix with entries from U(-1, 1). Defaults to 0.5.
    """

    def __init__(self, ratio: float = 0.6, zero_prob: float = 0.5) -> None:
        self.ratio = ratio
        self.zero_prob = zero_prob

    def transform(self, results: dict) -> dict:
        """Corrupt joints of ``results['keypoint']``."""
        rng, keypoint = results['rng'], results['keypoint']
        num_joints, channels = keypoint.shape[2:]
        kept = np.ones((num_joints, channels), bool)
        kept[rng.permutation(num_joints)[: round(self.ratio * num_joints)]] = False
        if rng.random() < self.zero_prob:
            results['keypoint'] = keypoint * kept
        else:
            matrix = rng.uniform(-1, 1, (channels, channels)).astype(np.float32)
            mixed = multiply_coordinates(keypoint, matrix)
            np.copyto(mixed, keypoint, where=kept)
            results['keypoint'] = mixed
        return results
