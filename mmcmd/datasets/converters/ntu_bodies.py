"""The choice of bodies in the data of CTR-GCN, which MAMP, STARS and SLiM use.

A sensor takes furniture for bodies, and one person for several bodies, one after the other. Bodies
that are short or too wide are left out. The others are joined to two persons.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SHORT = 11
"""A body of so many frames or fewer is left out."""
WIDE = 0.8
"""A body is too wide in a frame if its extent in x exceeds this multiple of its extent in y."""
MOST_WIDE = 0.69754
"""A body that is too wide in this fraction of its frames or more is left out."""


class Body(NamedTuple):
    """One body, as the sensor tracked it.

    Attributes:
        start (int): Its first frame.
        joints (np.ndarray): Joints of its frames, one after the other, shape (n, V, 3), in metres.
            As released, a gap between its frames is closed.
    """

    start: int
    joints: np.ndarray

    @property
    def end(self) -> int:
        """Its last frame."""
        return self.start + len(self.joints) - 1


def join_bodies(bodies: Sequence[Body], num_frames: int) -> np.ndarray:
    """Join bodies to at most two persons, as CTR-GCN does.

    Args:
        bodies (Sequence[Body]): At least one.
        num_frames (int): Frames in which there is a body, T.

    Returns:
        np.ndarray: float32, shape (M, T', V, 3), M in {1, 2}. Of several bodies, frames are left
        out in which all coordinates are 0; T' is then less than T.
    """
    chosen = clean_bodies(bodies)
    persons = np.zeros((2, num_frames, *chosen[0].joints.shape[1:]), np.float32)
    spans = [(chosen[0].start, chosen[0].end), (0, 0)]
    _write(persons[0], chosen[0])
    for body in chosen[1:]:
        for person, (start, end) in enumerate(spans):
            if min(end, body.end) - max(start, body.start) <= 0:
                _write(persons[person], body)
                spans[person] = min(start, body.start), max(end, body.end)
                break
    if len(bodies) > 1:
        persons = persons[:, persons.any(axis=(0, 2, 3))]
    return persons if persons[1].any() else persons[:1]


def clean_bodies(bodies: Sequence[Body]) -> list[Body]:
    """Leave out bodies that are no persons, and sort the others, the greatest motion first.

    Motion is the sum over x, y and z of the variance over all joints and frames. For a body that is
    sometimes too wide, it is the smaller one of that and of the same over its other frames. One
    body at least is kept.
    """
    long = [body for body in bodies if len(body.joints) > SHORT] or list(bodies)
    kept, motions = list(long), {}
    for body in long:
        if len(kept) == 1:
            break
        extent = np.ptp(body.joints, axis=1)  # (n, 3)
        narrow = extent[:, 0] <= WIDE * extent[:, 1]
        if 1 - narrow.mean() >= MOST_WIDE:
            kept = [other for other in kept if other is not body]
        elif not narrow.all():
            motions[id(body)] = min(_motion(body.joints), _motion(body.joints[narrow]))
    return sorted(kept, key=lambda body: -motions.get(id(body), _motion(body.joints)))


def _motion(joints: np.ndarray) -> float:
    return joints.reshape(-1, 3).var(axis=0, dtype=np.float64).sum()


def _write(person: np.ndarray, body: Body) -> None:
    """Write the frames of a body into those of a person, (T, V, 3)."""
    joints = body.joints[: len(person) - body.start]
    person[body.start : body.start + len(joints)] = joints
