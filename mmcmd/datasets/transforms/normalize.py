"""The pre-normalisation of CMD and of the ST-GCN family: fill, centre and turn a sequence."""

import math
from functools import reduce

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.datasets.transforms.recordings import check_recording
from mmcmd.datasets.transforms.spatial import multiply_coordinates
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import Layout, get_layout, take_point
from mmcmd.skeletons.field_values import Point

Z_AXIS, X_AXIS = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])


def fill_missing_frames(keypoint: np.ndarray) -> np.ndarray:
    """Fill frames so that every person in the sequence starts at frame 0 and stays until the end.

    If the first frame of a person is empty, the non-empty frames are moved to the front. Empty
    frames at the end are filled by repeating the person's earlier frames. Gaps in the middle stay
    zero.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C); an empty frame is all zero.

    Returns:
        np.ndarray: A copy of the same shape.
    """
    filled = keypoint.copy()
    for person in filled:
        present = person.reshape(len(person), -1).any(axis=1)
        if not present.any():
            continue
        if not present[0]:
            frames = person[present]
            person[: len(frames)] = frames
            person[len(frames) :] = 0
            present = np.arange(len(person)) < len(frames)
        seen = len(person) - present[::-1].argmax()
        person[seen:] = person[np.arange(len(person) - seen) % seen]
    return filled


def smallest_rotation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the rotation matrix (3, 3) that turns ``source`` onto ``target`` the shortest way.

    The axis of the rotation is their cross product. If this is zero (parallel vectors, or a joint
    that coincides with its neighbour), the result is the identity.

    Args:
        source (np.ndarray): Vector of any length, shape (3,).
        target (np.ndarray): Vector of any length, shape (3,).
    """
    (a, b, c), (d, e, f) = source.tolist(), target.tolist()
    axis = b * f - c * e, c * d - a * f, a * e - b * d
    sine, cosine = math.hypot(*axis), a * d + b * e + c * f  # both times the two lengths
    if sine < 1e-12:
        return np.eye(3)
    x, y, z = (value / sine for value in axis)
    lengths = math.hypot(sine, cosine)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + sine / lengths * cross + (1 - cosine / lengths) * cross @ cross


def normalize_skeleton(keypoint: np.ndarray, layout: Layout, turn: bool = True) -> np.ndarray:
    """Centre and turn a sequence by its first person (the usual pre-normalisation).

    Missing frames are filled (:func:`fill_missing_frames`). In **each** frame, the first person's
    centre joint is subtracted from every joint. If the layout has a spine, the whole sequence is
    turned so that, in frame 0, the first person's spine points to +z and its shoulders to +x.
    Joints that are exactly zero are missing and stay zero.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C); C is 3, in metres, if the layout has a spine.
        layout (Layout): Gives the joints of centre, spine and shoulders.
        turn (bool): Whether to turn the sequence. Defaults to True.

    Returns:
        np.ndarray: float32, shape (M, T, V, C), in the unit of the input.
    """
    keypoint = np.asarray(keypoint, dtype=np.float32)
    is_whole = keypoint.all()  # usually no joint is missing
    if not is_whole:
        keypoint = fill_missing_frames(keypoint)
        missing = ~reduce(np.logical_or, np.moveaxis(keypoint, -1, 0))
    shape, frames = keypoint.shape, keypoint.reshape(*keypoint.shape[:2], -1)
    centre = take_point(keypoint[0], layout.centre)[:, None].repeat(shape[2], axis=1)
    # A subtraction of whole frames is faster than one that broadcasts over the joints.
    keypoint = (frames - centre.reshape(shape[1], -1)).reshape(shape)
    if not is_whole:
        keypoint[missing] = 0
    if layout.spine is None or not turn:
        return keypoint
    rotation = body_rotation(keypoint[0, 0], layout)
    return multiply_coordinates(keypoint, rotation.T.astype(np.float32))


def body_rotation(pose: np.ndarray, layout: Layout) -> np.ndarray:
    """Return the rotation that turns the spine of a pose to +z and its shoulders to +x.

    Args:
        pose (np.ndarray): Joints of one person in one frame, shape (V, 3).
        layout (Layout): Gives the joints of spine and shoulders.

    Returns:
        np.ndarray: float64, shape (3, 3). It multiplies a column vector from the left.
    """
    pose = pose.astype(np.float64)
    bottom, top = (take_point(pose, point) for point in layout.spine)
    upright = smallest_rotation(top - bottom, Z_AXIS)
    first, second = np.stack([take_point(pose, x) for x in layout.shoulders]) @ upright.T
    return smallest_rotation(second - first, X_AXIS) @ upright


def subtract_joint(keypoint: np.ndarray, joint: Point) -> np.ndarray:
    """Subtract a point of each person from all its joints, in each frame of (M, T, V, C).

    The point is a joint, or the middle of several (:func:`mmcmd.skeletons.take_point`).
    """
    return keypoint - take_point(keypoint, joint)[:, :, None]


@TRANSFORMS.register_module()
class SubtractJoint(BaseTransform):
    """Centre each frame of each person on one of its joints, see :func:`subtract_joint`.

    A frame that is all zero stays zero.

    Required keys: ``keypoint`` (M, T, V, C), ``layout`` (see :func:`get_layout`).
    Modified key: ``keypoint``, as float32.

    Args:
        joint (int, optional): Index of the joint. Defaults to the centre of the layout, which is
            joint 1 of NTU's.
    """

    def __init__(self, joint: int | None = None) -> None:
        self.joint = joint

    def transform(self, results: dict) -> dict:
        """Centre ``results['keypoint']``."""
        joint = get_layout(results['layout']).centre if self.joint is None else self.joint
        keypoint = results['keypoint'].astype(np.float32, copy=False)
        results['keypoint'] = subtract_joint(keypoint, joint)
        return results


@TRANSFORMS.register_module()
class NormalizeSkeleton(BaseTransform):
    """Pre-normalise a sequence: fill missing frames, centre each frame, align spine and shoulders.

    Each frame is centred separately, while mmaction2's ``PreNormalize3D`` subtracts the centre of
    frame 0 from all frames. See :func:`normalize_skeleton`. If a sample is marked as
    ``normalized``, it is only converted to float32.

    Required keys: ``keypoint`` (M, T, V, C), ``layout`` (see :func:`get_layout`).
    Optional key: ``normalized``. Modified key: ``keypoint``.

    Args:
        turn (bool): Whether to turn bodies upright and forward. Without it, a body keeps the
            direction in which the sensor sees it. Defaults to True.
    """

    def __init__(self, turn: bool = True) -> None:
        self.turn = turn

    def transform(self, results: dict) -> dict:
        """Normalise ``results['keypoint']``.

        Raises:
            InputError: If the array is not a recording, see :func:`check_recording`.
        """
        check_recording(results)
        keypoint = results['keypoint']
        if results.get('normalized'):
            results['keypoint'] = keypoint.astype(np.float32, copy=False)
        else:
            layout = get_layout(results['layout'])
            results['keypoint'] = normalize_skeleton(keypoint, layout, self.turn)
        return results
