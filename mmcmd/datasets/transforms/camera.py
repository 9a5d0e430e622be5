"""Preprocessing of MAMP, STARS and SLiM, which keeps the axes of the camera."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.datasets.transforms.extreme import rotate
from mmcmd.datasets.transforms.recordings import check_raw
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import get_layout, take_point
from mmcmd.skeletons.field_values import Point


def translate_to_start(keypoint: np.ndarray, joint: Point) -> np.ndarray:
    """Move a sequence so that a joint of the first person starts in the origin.

    The position of the joint in the first non-empty frame of the first person is subtracted from
    all frames of all persons. If there are several persons, frames in which a person is missing
    stay zero, as in the released code.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C). A person is missing where its coordinates sum
            to 0.
        joint (int | tuple): See :func:`mmcmd.skeletons.take_point`.

    Returns:
        np.ndarray: Shape (M, T, V, C), same dtype.
    """
    missing = keypoint.sum(axis=(2, 3)) == 0
    start = (~keypoint[0].any(axis=(1, 2))).argmin()  # frame 0 if all are empty
    moved = keypoint - take_point(keypoint[0, start], joint)
    if len(keypoint) > 1:
        moved[missing] = 0
    return moved


def drop_empty_frames(keypoint: np.ndarray, anywhere: bool = False) -> np.ndarray:
    """Leave out empty frames. A frame is empty if its coordinates sum to 0, as released.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        anywhere (bool): Leave out these frames, as SLiM does. By default the sequence is cut at its
            end, to as many frames as are not empty, as MAMP does.

    Returns:
        np.ndarray: Shape (M, T', V, C).
    """
    valid = keypoint.sum(axis=(0, 2, 3)) != 0
    return keypoint[:, valid] if anywhere else keypoint[:, : int(valid.sum())]


@TRANSFORMS.register_module()
class TranslateToStart(BaseTransform):
    """Move a sequence so that it starts in the origin, and leave out empty frames.

    A second person that is zero in all frames counts as absent. See :func:`translate_to_start` and
    :func:`drop_empty_frames`. Nothing is scaled or turned.

    Required keys: ``keypoint`` (M, T, V, C), ``layout`` (see :func:`get_layout`).
    Modified key: ``keypoint``, as float32.

    Args:
        anywhere (bool): Leave out the frames that are empty (SLiM), and not as many frames at the
            end (MAMP). Defaults to False.

    Raises:
        InputError: If no frame is left, or if the file was converted with ``--normalize``.
    """

    def __init__(self, anywhere: bool = False) -> None:
        self.anywhere = anywhere

    def transform(self, results: dict) -> dict:
        """Move ``results['keypoint']``."""
        check_raw(results, 'TranslateToStart')
        keypoint = results['keypoint'].astype(np.float32, copy=False)
        present = keypoint.any(axis=(1, 2, 3))
        present[0] = True
        moved = translate_to_start(keypoint[present], get_layout(results['layout']).centre)
        moved = drop_empty_frames(moved, self.anywhere)
        if not moved.shape[1]:
            name = results.get('frame_dir', 'the sample')
            raise InputError(f'{name} has no valid frame; leave it out of the annotation file')
        results['keypoint'] = moved
        return results


@TRANSFORMS.register_module()
class UniformRotation(BaseTransform):
    """Rotate the sequence about x, y and z by angles that are drawn uniformly.

    Required keys: ``keypoint`` (M, T, V, 3), ``rng``. Modified key: ``keypoint``.

    Args:
        radians (float | Sequence[float]): An angle is U(-radians, radians). Three numbers are for
            the angles about x, y and z. Defaults to 0.3.
    """

    def __init__(self, radians: float | Sequence[float] = 0.3) -> None:
        self.radians = np.asarray(radians, dtype=float)

    def transform(self, results: dict) -> dict:
        """Rotate ``results['keypoint']``."""
        angles = results['rng'].uniform(-self.radians, self.radians, 3)
        results['keypoint'] = rotate(results['keypoint'], np.degrees(angles))
        return results
