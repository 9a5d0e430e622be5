"""Measure how far bodies lean after the pre-normalisation, and which are upside down."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmcmd.datasets.transforms.normalize import body_rotation
from mmcmd.skeletons import Layout

_LOWER = (('hip_left', 'hip_right'), ('pelvis',))
_UPPER = (('shoulder_left', 'shoulder_right'), ('thorax',), ('neck',), ('chest',))


@dataclass(frozen=True)
class Uprightness:
    """The lean of each body.

    Attributes:
        names (tuple[str, ...]): Names of the samples.
        leans (np.ndarray): Angle in degrees between the up axis and the line from the hips to the
            shoulders, shape (N,), of the first person in the first frame that has these joints. NaN
            where no frame has them.
        up (str): The up axis, such as ``'+z'``. ``''`` if no lean could be measured.
    """

    names: tuple[str, ...]
    leans: np.ndarray
    up: str

    @property
    def median(self) -> float:
        """Median lean in degrees of all bodies that could be measured; NaN if there are none."""
        measured = self.leans[~np.isnan(self.leans)]
        return float(np.median(measured)) if measured.size else float('nan')

    @property
    def upside_down(self) -> list[str]:
        """Names of the samples in which the shoulders are below the hips."""
        return [name for name, lean in zip(self.names, self.leans, strict=True) if lean > 90]


def long_axis(layout: Layout) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the joints at the hips and those at the shoulders; their middles end the trunk.

    The joints are found by their names. If the names are unknown, the result is the spine of the
    layout, or None if it has no spine.
    """
    names = layout.common_names

    def find(choices: Iterable[tuple[str, ...]]) -> tuple[int, ...] | None:
        fitting = (choice for choice in choices if set(choice) <= set(names))
        return next((tuple(map(names.index, choice)) for choice in fitting), None)

    lower, upper = find(_LOWER), find(_UPPER)
    if lower and upper:
        return lower, upper
    if layout.spine is None:
        return None
    low, high = ((x,) if isinstance(x, int) else x for x in layout.spine)
    return low, high


def measure_uprightness(
    samples: Iterable[Mapping[str, Any]], layout: Layout, normalized: bool = False
) -> Uprightness:
    """Measure the lean of the first person of each sample after the pre-normalisation.

    A layout with a spine turns each sequence so that +z is up, by the first frame
    (:func:`mmcmd.datasets.transforms.normalize_skeleton`). The lean in this frame is the tilt that
    all frames get. Otherwise nothing is turned, and the up axis is the coordinate axis that most
    bodies follow, such as ``'-y'`` in an image.

    Args:
        samples (Iterable[Mapping]): Annotations: ``frame_dir``, ``keypoint`` (M, T, V, C).
        layout (Layout): Joints of the samples.
        normalized (bool): The coordinates are pre-normalised already. Defaults to False.

    Returns:
        Uprightness: One lean for each sample. All are NaN if the layout names no hips and
        shoulders and has no spine.
    """
    names, directions, ends = [], [], long_axis(layout)
    for sample in samples:
        names.append(sample['frame_dir'])
        directions.append(_direction(sample['keypoint'][0], layout, ends, normalized))
    leans = np.full(len(names), np.nan)
    measured = [index for index, x in enumerate(directions) if x is not None]
    if not measured:
        return Uprightness(tuple(names), leans, '')
    vectors = np.array([directions[index] for index in measured])
    axis, sign = 2, 1
    if layout.spine is None:
        mean = vectors.mean(axis=0)
        axis = int(np.abs(mean).argmax())
        sign = 1 if mean[axis] >= 0 else -1
    leans[measured] = np.degrees(np.arccos(np.clip(sign * vectors[:, axis], -1, 1)))
    return Uprightness(tuple(names), leans, '-+'[sign > 0] + 'xyz'[axis])


def _direction(
    person: np.ndarray,
    layout: Layout,
    ends: tuple[tuple[int, ...], tuple[int, ...]] | None,
    normalized: bool,
) -> np.ndarray | None:
    """Return the unit vector from the hips to the shoulders of (T, V, C), turned upright."""
    person = person[person.any(axis=(1, 2))]
    if ends is None or not len(person):
        return None
    lower, upper = map(list, ends)
    used = [*lower, *upper]
    if normalized:  # the centre is at the origin, but this does not mean that it is missing
        used = [joint for joint in used if joint != layout.centre]
    whole = person[:, used].any(axis=-1).all(axis=-1)
    pose = person[whole.argmax()].astype(np.float64)
    vector = pose[upper].mean(axis=0) - pose[lower].mean(axis=0)
    length = np.linalg.norm(vector)
    if not whole.any() or not length:
        return None
    if layout.spine is None or normalized or person.shape[-1] != 3:
        return vector / length
    return body_rotation(person[0], layout) @ vector / length
