"""Measurements of the bodies in an annotation file: heights, bones, missing joints and frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmcmd.skeletons import Layout

MOST = 500
"""Most sequences in which distances between joints are measured. They are spread over the file."""

_FRAMES = 16  # the most frames that are measured in each of these sequences


@dataclass(frozen=True)
class Bodies:
    """Measurements of the bodies of a file.

    Attributes:
        frames (np.ndarray): Frames of each sample, shape (N,).
        empty_frames (np.ndarray): Frames of each sample that show nobody, shape (N,).
        missing (np.ndarray): For each joint, the share of bodies in which it is zero, shape (V,).
        heights (np.ndarray): For each measured sample, the longest distance between two joints, in
            the unit of the file, shape (K,). It is the median over frames.
        distances (np.ndarray): Distance between each two joints, shape (V, V). It is the median
            over the measured samples; NaN if a joint is always missing.
        low (np.ndarray), high (np.ndarray): Range of each coordinate, shape (C,).
    """

    frames: np.ndarray
    empty_frames: np.ndarray
    missing: np.ndarray
    heights: np.ndarray
    distances: np.ndarray
    low: np.ndarray
    high: np.ndarray


def measure_bodies(samples: Sequence[dict[str, Any]]) -> Bodies:
    """Measure the bodies of samples that have the same joints and coordinates.

    Args:
        samples (Sequence[dict]): Annotations, with ``keypoint`` (M, T, V, C).
    """
    shape = samples[0]['keypoint'].shape
    seen, bodies = np.zeros(shape[2], np.int64), 0
    empty, low, high = [], np.full(shape[3], np.inf), np.full(shape[3], -np.inf)
    for sample in samples:
        keypoint = sample['keypoint']
        joints = keypoint.any(axis=3)
        persons = joints.any(axis=2)
        empty.append(int((~persons.any(axis=0)).sum()))
        seen += joints.sum(axis=(0, 1))
        bodies += int(persons.sum())
        low = np.minimum(low, keypoint.min(axis=(0, 1, 2)))
        high = np.maximum(high, keypoint.max(axis=(0, 1, 2)))
    chosen = np.unique(np.linspace(0, len(samples) - 1, MOST).round().astype(int))
    measured = [x for x in (_distances(samples[index]['keypoint']) for index in chosen) if len(x)]
    heights, means = [], []
    for distances in measured:
        longest = np.nan_to_num(distances).max(axis=(1, 2))
        heights.append(np.median(longest))
        means.append(distances.mean(axis=0))
    nothing = np.full((1, shape[2], shape[2]), np.nan)
    return Bodies(
        frames=np.array([sample['total_frames'] for sample in samples]),
        empty_frames=np.array(empty),
        missing=1 - seen / max(bodies, 1),
        heights=np.array(heights),
        distances=_median(means or nothing),
        low=low,
        high=high,
    )


def _median(values: Sequence[np.ndarray]) -> np.ndarray:
    """Return the median over the samples that have a value; NaN if none has."""
    values = np.ma.masked_invalid(np.stack(values))
    return np.ma.median(values, axis=0).filled(np.nan)


def _distances(keypoint: np.ndarray) -> np.ndarray:
    """Return distances between the joints of one person in some frames, (F, V, V).

    A distance is NaN if one of its joints is missing. The person is the one that most frames show.
    """
    seen = keypoint.any(axis=(2, 3))
    person = seen.sum(axis=1).argmax()
    frames = np.flatnonzero(seen[person])
    if not len(frames):
        return np.zeros((0, *keypoint.shape[2:3] * 2))
    spread = np.linspace(0, len(frames) - 1, min(_FRAMES, len(frames))).round().astype(int)
    joints = keypoint[person, frames[spread]].astype(np.float64)
    joints[~joints.any(axis=-1)] = np.nan
    return np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)


def bones_of(layout: Layout, bodies: Bodies) -> np.ndarray:
    """Return the bones with two joints that are not always missing: joint and parent, (E, 2)."""
    bones = [(joint, parent) for joint, parent in enumerate(layout.parents) if joint != parent]
    bones = np.array(bones, np.int64).reshape(-1, 2)
    return bones[~np.isnan(bodies.distances[tuple(bones.T)])]


def longest_steps(distances: np.ndarray) -> np.ndarray:
    """Return the longest step on the best path between each two joints.

    A path may pass through other joints. The best path is the one with the shortest longest step.

    Args:
        distances (np.ndarray): Distance between each two joints, shape (V, V); NaN if a joint is
            always missing.

    Returns:
        np.ndarray: Shape (V, V), at most the distance itself.
    """
    steps = np.nan_to_num(distances, nan=np.inf)
    for joint in range(len(steps)):  # Floyd-Warshall, with a maximum in place of the sum
        steps = np.minimum(steps, np.maximum(steps[:, [joint]], steps[[joint]]))
    return steps
