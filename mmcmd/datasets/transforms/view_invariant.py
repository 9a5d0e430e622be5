"""Preprocessing of P&C: one rotation for the whole sequence, coordinates in [-1, 1], few frames."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.datasets.transforms.recordings import check_recording
from mmcmd.datasets.transforms.spatial import multiply_coordinates
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import Layout, get_layout, take_point


def view_invariant(keypoint: np.ndarray, layout: Layout) -> np.ndarray:
    """Move and turn a whole sequence so that its first person starts upright and forward.

    In frame 0, the root joint (the lower joint of the spine) becomes the origin, the spine the z
    axis, and the hips lie along the x axis. Frames in which a coordinate of a joint is exactly 0
    are incomplete and are dropped. Without spine and hips in the layout, nothing is turned.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C); C is 3 if the layout has spine and hips.
        layout (Layout): Gives the joints of spine and hips, or else the centre.

    Returns:
        np.ndarray: float64, shape (M, kept frames, V, C), in the unit of the input.

    Raises:
        InputError: If no frame is complete.
    """
    whole = keypoint.all(axis=(0, 2, 3))
    if not whole.any():
        raise InputError(
            'every frame has a coordinate that is exactly 0, so no frame is valid; give raw '
            'coordinates, or leave the sample out'
        )
    keypoint = keypoint.astype(np.float64)
    first = keypoint[0, 0]
    if layout.spine is None or layout.hips is None:
        return keypoint[:, whole] - take_point(first, layout.centre)
    root, top, left, right = (take_point(first, x) for x in (*layout.spine, *layout.hips))
    upward = _unit(top - root)
    sideways = _unit(left - right - (left - right) @ upward * upward)
    forward = _unit(np.cross(sideways, upward))
    axes = np.stack([sideways, forward, upward], axis=1)
    return multiply_coordinates(keypoint[:, whole] - root, axes)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(np.linalg.norm(vector), np.finfo(float).tiny)


def scale_to_range(keypoint: np.ndarray) -> np.ndarray:
    """Scale each coordinate of (M, T, V, C) so that its least and greatest value are -1 and 1."""
    low = keypoint.min(axis=(0, 1, 2))
    width = keypoint.max(axis=(0, 1, 2)) - low
    return 2 * (keypoint - low) / np.where(width > 0, width, 1) - 1


@TRANSFORMS.register_module()
class FirstPersons(BaseTransform):
    """Keep the first persons. The converter ``ntu`` puts the persons that move most first.

    Required key: ``keypoint`` (M, T, V, C). Modified key: ``keypoint``.

    Args:
        num_person (int): Persons that are kept. Defaults to 1.
    """

    def __init__(self, num_person: int = 1) -> None:
        self.num_person = num_person

    def transform(self, results: dict) -> dict:
        """Cut ``results['keypoint']``.

        Raises:
            InputError: If the array is not a recording, see :func:`check_recording`.
        """
        check_recording(results)
        results['keypoint'] = results['keypoint'][: self.num_person]
        return results


@TRANSFORMS.register_module()
class ViewInvariant(BaseTransform):
    """Move and turn a sequence (:func:`view_invariant`), and scale it (:func:`scale_to_range`).

    Required keys: ``keypoint`` (M, T, V, C), ``layout``. Optional key: ``frame_dir``.
    Modified key: ``keypoint``, as float32 and without incomplete frames.
    """

    def transform(self, results: dict) -> dict:
        """Normalise ``results['keypoint']``.

        Raises:
            InputError: If the sample has no complete frame.
        """
        try:
            moved = view_invariant(results['keypoint'], get_layout(results['layout']))
        except InputError as error:
            name = results.get('frame_dir', 'the sample')
            raise InputError(f'{name}: {error}') from None
        results['keypoint'] = scale_to_range(moved).astype(np.float32)
        return results


def stride_frames(keypoint: np.ndarray, num_frames: int) -> np.ndarray:
    """Take frames 0, s, 2 s, ... of (M, T, V, C), at most ``num_frames``; s = T // num_frames.

    As in the released code, the end of a sequence may be lost: with 99 frames and ``num_frames``
    of 50, the first 50 frames are taken.
    """
    stride = max(1, keypoint.shape[1] // num_frames)
    return keypoint[:, ::stride][:, :num_frames]


@TRANSFORMS.register_module()
class StrideFrames(BaseTransform):
    """Take every s-th frame of a long sequence, see :func:`stride_frames`.

    Required keys: ``keypoint`` (M, T, V, C), ``clip_len``. Modified key: ``keypoint`` with at most
    ``clip_len`` frames. A shorter sequence stays as it is.
    """

    def transform(self, results: dict) -> dict:
        """Shorten ``results['keypoint']``."""
        results['keypoint'] = stride_frames(results['keypoint'], results['clip_len'])
        return results
