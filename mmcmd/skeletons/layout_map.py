"""Convert one layout into another, joint by joint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmcmd.errors import InputError, did_you_mean
from mmcmd.skeletons.layout import Layout

_BETWEEN: dict[str, tuple[tuple[str, str, float], ...]] = {
    'pelvis': (('hip_left', 'hip_right', 0.5),),
    'thorax': (('shoulder_left', 'shoulder_right', 0.5),),
    'spine': (('pelvis', 'thorax', 0.5),),
    'spine_low': (('pelvis', 'thorax', 0.17),),  # as in Kinect v1; the median of NW-UCLA
    'chest': (('spine', 'thorax', 0.5),),
    'neck': (('thorax', 'head', 0.5),),
    'head': (('ear_left', 'ear_right', 0.5), ('neck', 'head_top', 0.5)),
    'collar_left': (('thorax', 'shoulder_left', 0.5),),
    'collar_right': (('thorax', 'shoulder_right', 0.5),),
    'hand_left': (('index_left', 'pinky_left', 0.5),),
    'hand_right': (('index_right', 'pinky_right', 0.5),),
    'foot_left': (('big_toe_left', 'small_toe_left', 0.5),),
    'foot_right': (('big_toe_right', 'small_toe_right', 0.5),),
}
"""Joints (common names) that a layout may lack. Each one lies approximately on the line between two
other joints, at this share of the distance from the first to the second."""

NEAREST = 'nearest'


@dataclass(frozen=True, eq=False)
class LayoutMap:
    """Conversion of the joints of one layout to those of another.

    Attributes:
        source (Layout): Layout of the data.
        target (Layout): Layout of the result.
        weights (np.ndarray): Share of each source joint in each target joint, float32, shape
            (V of the target, V of the source). Each row adds up to 1.
    """

    source: Layout
    target: Layout
    weights: np.ndarray

    @cached_property
    def _used(self) -> np.ndarray:
        return (self.weights > 0).astype(np.float32)

    def __call__(self, keypoint: np.ndarray) -> np.ndarray:
        """Map the joints of a sequence.

        A target joint is zero in each frame in which one of its source joints is missing (exactly
        zero).

        Args:
            keypoint (np.ndarray): Shape (M, T, V of the source, C).

        Returns:
            np.ndarray: float32, shape (M, T, V of the target, C), in the same frame and unit.
        """
        keypoint = keypoint.astype(np.float32, copy=False)
        mapped = np.matmul(self.weights, keypoint)
        missing = ~keypoint.any(axis=-1)
        if missing.any():
            mapped[missing.astype(np.float32) @ self._used.T > 0] = 0
        return mapped

    @cached_property
    def reverses_shoulders(self) -> bool | None:
        """Whether the shoulders of the target point the other way; None if this is unknown."""
        if self.source.shoulders is None or self.target.shoulders is None:
            return None
        names = [
            [self._common(layout, point) for point in layout.shoulders]
            for layout in (self.source, self.target)
        ]
        if names[0] == names[1]:
            return False
        return True if names[0] == names[1][::-1] else None

    @staticmethod
    def _common(layout: Layout, point: int | tuple[int, ...]) -> tuple[str, ...]:
        joints = (point,) if isinstance(point, int) else point
        return tuple(layout.common_names[joint] for joint in joints)


def make_layout_map(
    source: Layout, target: Layout, joints: Mapping[str, str | Sequence[str]] | str | None = None
) -> LayoutMap:
    """Find each joint of the target among the joints of the source, by the common names.

    Args:
        source (Layout): Layout of the data.
        target (Layout): Layout of the result.
        joints (Mapping | str, optional): For some target joints, the name of the source joint that
            replaces it, or a list of source joints. The middle of a list is used. This has priority
            over the common names. With ``'nearest'``, a target joint without a counterpart gets the
            position of the next joint towards the root.

    Raises:
        InputError: If a joint of the target has no counterpart; names all such joints.
    """
    nearest = joints == NEAREST
    if nearest or joints is None:
        joints = {}
    elif isinstance(joints, str) or not isinstance(joints, Mapping):
        raise InputError(
            f'map_joints={joints!r} must be {NEAREST!r}, or a mapping from joints of the layout '
            f'{target.name!r} to joints of {source.name!r}'
        )
    given = {
        _known(target, name, 'the layout'): [names] if isinstance(names, str) else list(names)
        for name, names in joints.items()
    }
    rows = []
    for joint, name in enumerate(target.joints):
        if joint in given:
            parts = [_known(source, x, f'what becomes {name!r}: the layout') for x in given[joint]]
            rows.append(np.eye(source.num_joints)[parts].mean(axis=0))
        else:
            rows.append(_find(target.common_names[joint], source))
    missing = [joint for joint, row in enumerate(rows) if row is None]
    found = {joint: _nearest(joint, rows, target) for joint in missing}
    if missing and not (nearest and all(row is not None for row in found.values())):
        names = ', '.join(target.joints[joint] for joint in missing)
        raise InputError(
            f'layout {source.name!r} cannot be turned into {target.name!r}, because it has no '
            f'{names}; set map_joints of the data set to a joint of {source.name!r} for each of '
            f'these joints, or to {NEAREST!r}'
        )
    rows = [found[joint] if row is None else row for joint, row in enumerate(rows)]
    return LayoutMap(source, target, np.array(rows, np.float32))


def _nearest(joint: int, rows: Sequence[np.ndarray | None], target: Layout) -> np.ndarray | None:
    """Return the row of the next ancestor of a target joint that has one."""
    while rows[joint] is None and target.parents[joint] != joint:
        joint = target.parents[joint]
    return rows[joint]


def _known(layout: Layout, joint: str, what: str) -> int:
    if joint not in layout.joints:
        raise InputError(
            f'{what} {layout.name!r} has no joint {joint!r}{did_you_mean(joint, layout.joints)}'
        )
    return layout.joints.index(joint)


def _find(name: str, source: Layout, sought: tuple[str, ...] = ()) -> np.ndarray | None:
    """Return the share of each source joint in the joint with a common name; None if impossible.

    ``sought`` holds the names that are being computed already. It prevents circles: a head cannot
    be computed from a neck that is computed from the head.
    """
    if name in source.common_names:
        return np.eye(source.num_joints)[source.common_names.index(name)]
    for first, second, share in _BETWEEN.get(name, ()):
        if {first, second} & set(sought):
            continue
        ends = [_find(end, source, (*sought, name)) for end in (first, second)]
        if all(end is not None for end in ends):
            return (1 - share) * ends[0] + share * ends[1]
    return None
