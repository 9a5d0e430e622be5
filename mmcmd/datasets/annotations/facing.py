"""Measure in which direction the shoulders point before a body is turned."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmcmd.datasets.transforms.normalize import Z_AXIS, smallest_rotation
from mmcmd.skeletons import Layout, take_point


def measure_facing(samples: Iterable[Mapping[str, Any]], layout: Layout) -> np.ndarray:
    """Measure the direction of the shoulders of each sample, after the spine is turned to +z.

    The pre-normalisation turns the shoulders to +x the shortest way. If they point to -x before,
    this rotation may turn the body upside down.

    Args:
        samples (Iterable[Mapping]): Annotations with ``keypoint`` (M, T, V, 3) in metres, not
            normalised.
        layout (Layout): Joints of the samples, with spine and shoulders.

    Returns:
        np.ndarray: Cosine of the angle to +x, shape (N,). NaN where a joint or the third
            coordinate is missing.
    """
    return np.array([_cosine(sample['keypoint'][0, 0], layout) for sample in samples])


def measure_agreement(samples: Iterable[Mapping[str, Any]], layout: Layout) -> float:
    """Measure how much people face one common direction when their recordings begin.

    This is the mean resultant length of directional statistics: the length of the mean of the unit
    vectors from the first shoulder to the second. It is 1 if all face one direction, and near 0 if
    they face all directions. No label and no vertical is needed.

    Args:
        samples (Iterable[Mapping]): Annotations with ``keypoint`` (M, T, V, 3).
        layout (Layout): Joints of the samples, with shoulders.

    Returns:
        float: From 0 to 1; 1 if the shoulders are missing in every sample.
    """
    across = []
    for sample in samples:
        first, second = (
            take_point(sample['keypoint'][0, 0].astype(np.float64), x) for x in layout.shoulders
        )
        if first.any() and second.any() and (length := np.linalg.norm(second - first)):
            across.append((second - first) / length)
    return float(np.linalg.norm(np.mean(across, axis=0))) if across else 1.0


def _cosine(pose: np.ndarray, layout: Layout) -> float:
    if pose.shape[-1] != 3:
        return np.nan
    points = np.stack([take_point(pose, x) for x in (*layout.spine, *layout.shoulders)])
    if not points.any(axis=-1).all():
        return np.nan
    bottom, top, first, second = points.astype(np.float64)
    across = smallest_rotation(top - bottom, Z_AXIS) @ (second - first)
    return across[0] / max(np.linalg.norm(across), 1e-12)
