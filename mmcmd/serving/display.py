"""Coordinates for drawing: the y axis points up, and the body looks towards the camera."""

import numpy as np

from mmcmd.datasets.transforms.normalize import body_rotation
from mmcmd.skeletons import Layout, take_point


def frames_to_draw(keypoint: np.ndarray, layout: Layout, normalized: bool = False) -> np.ndarray:
    """Turn a motion upright and put its first pose into the origin.

    An encoder gets each frame centred. Here only the first pose is centred, so that one sees a
    body walk or jump.

    Args:
        keypoint (np.ndarray): Coordinates, shape (M, T, V, C). C is 2 or 3. A joint whose
            coordinates are all zero is missing.
        layout (Layout): Joint layout.
        normalized (bool): The coordinates are pre-normalised already. Defaults to False.

    Returns:
        np.ndarray: float32, shape (M, T, V, 3). Missing joints and absent persons are NaN.
    """
    keypoint = np.asarray(keypoint, dtype=np.float32)
    seen = keypoint.any(axis=-1)
    if normalized:  # the centre joint is zero, too
        seen = np.repeat(seen.any(axis=-1, keepdims=True), keypoint.shape[2], axis=-1)
    points = np.zeros((*keypoint.shape[:3], 3), np.float32)
    points[..., : keypoint.shape[-1]] = keypoint
    if keypoint.shape[-1] == 2:
        points *= np.float32((1, -1, 1))  # y of an image points down
    elif normalized and layout.spine is not None:
        points = _z_up(points)
    else:
        points = _upright(points, seen, layout)
    points[~seen] = np.nan
    if seen.any():
        person, frame = np.argwhere(seen.any(axis=-1))[0]
        points -= np.nanmean(points[person, frame], axis=0)
    return points


def _upright(points: np.ndarray, seen: np.ndarray, layout: Layout) -> np.ndarray:
    """Turn a motion by the first pose in which trunk and shoulders are seen."""
    if layout.spine is not None:
        for person, frame in np.argwhere(seen.all(axis=-1))[:1]:
            rotation = body_rotation(points[person, frame], layout).astype(np.float32)
            return _z_up(points @ rotation.T)
    return points * np.float32((-1, 1, -1))  # the body looks along -z, as into a Kinect


def _z_up(points: np.ndarray) -> np.ndarray:
    """Turn the z axis into the y axis, and the front of the body to +z."""
    return np.stack([-points[..., 0], points[..., 2], points[..., 1]], axis=-1)


def is_upright(pose: np.ndarray, layout: Layout) -> bool:
    """Return whether the trunk of a pose (V, 3) for drawing points up."""
    if layout.spine is None:
        return True
    bottom, top = (take_point(pose, point) for point in layout.spine)
    return bool((top - bottom)[1] > 0)
