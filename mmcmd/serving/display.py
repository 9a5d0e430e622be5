"""Coordinates for drawing: the y axis points up, and the body faces the camera."""

import numpy as np

from mmcmd.datasets.transforms.normalize import body_rotation
from mmcmd.skeletons import Layout


def frames_to_draw(keypoint: np.ndarray, layout: Layout, normalized: bool = False) -> np.ndarray:
    """Turn a motion upright, and move its first pose to the origin.

    For an encoder, each frame is centred. Here only the first pose is centred, so that walking and
    jumping can be seen.

    Args:
        keypoint (np.ndarray): Coordinates, shape (M, T, V, C). C is 2 or 3. A joint whose
            coordinates are all zero is missing.
        layout (Layout): Joint layout.
        normalized (bool): The coordinates are already pre-normalised. Defaults to False.

    Returns:
        np.ndarray: float32, shape (M, T, V, 3). Missing joints and absent persons are NaN.
    """
    keypoint = np.asarray(keypoint, dtype=np.float32)
    seen = keypoint.any(axis=-1)
    if normalized:  # the centre joint is zero, but not missing
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
    """Turn a motion by the first pose in which no joint is missing."""
    poses = np.argwhere(seen.all(axis=-1))
    if layout.spine is not None and len(poses):
        rotation = body_rotation(points[tuple(poses[0])], layout).astype(np.float32)
        return _z_up(points @ rotation.T)
    pose = points[tuple(poses[0])] if len(poses) else points[0, 0]
    left, right = (pose[_side(layout, side), 0] for side in ('left', 'right'))
    looks_here = len(left) and len(right) and left.mean() > right.mean()
    return points if looks_here else points * np.float32((-1, 1, -1))


def _side(layout: Layout, side: str) -> list[int]:
    return [joint for joint, name in enumerate(layout.common_names) if side in name.split('_')]


def _z_up(points: np.ndarray) -> np.ndarray:
    """Turn the z axis into the y axis, and the front of the body to +z."""
    return np.stack([-points[..., 0], points[..., 2], points[..., 1]], axis=-1)
