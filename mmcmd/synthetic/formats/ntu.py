"""The raw text format of NTU RGB+D: ``S001C001P001R001A001.skeleton``."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..kinematics import Array
from ..plan import Plan, setup_of
from ..recording import record, simulate
from ..sensor import Track
from .base import Format, Unit

SUFFIX = '.skeleton'

# Pinhole cameras of the Kinect v2: focal length and centre in pixels, for depth and colour images.
_DEPTH = (366.0, 256.0, 207.0)
_COLOR = (1063.0, 975.0, 540.0)
_JOINT = '%.7g %.7g %.7g %.4f %.4f %.3f %.3f 0 0 0 0 %d\r\n'
# Body id, clipped edges, two hands (confidence, state), restricted, lean x and y, tracking state.
_BODY = '%d 0 1 1 1 1 0 0 0 2\r\n25\r\n' + _JOINT * 25
_FIRST_ID = 72057594037900000


class NTUFormat(Format):
    """One file per performance and camera."""

    title = 'NTU RGB+D'

    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Return the names of the files, one per camera."""
        return list(_files(plan, unit))

    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Record the performance with the cameras of the given files."""
        cameras = _files(plan, unit)
        (performance,) = unit
        bodies = simulate(plan.seed, performance)
        for name in names:
            tracks = record(plan.seed, performance, bodies, cameras[name])
            yield name, format_skeleton(tracks).encode()


def _files(plan: Plan, unit: Unit) -> dict[str, int]:
    """Map the name of each file to its camera."""
    (performance,) = unit
    setup = setup_of(performance[0])
    return {file_name(setup, camera, *performance) + SUFFIX: camera for camera in plan.cameras}


def file_name(setup: int, camera: int, subject: int, replication: int, action: int) -> str:
    """Return the name of a sample in the style of NTU, without suffix. Numbers start at 1."""
    return f'S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}'


def format_skeleton(tracks: list[Track]) -> str:
    """Format a recording as the text of a ``.skeleton`` file, with CRLF line ends.

    Args:
        tracks (list[Track]): Bodies in their order in the frames.
    """
    rows = [_rows(track) for track in tracks]
    frames = [f'{len(tracks[0].present)}\r\n']
    for time, seen in enumerate(np.stack([track.present for track in tracks], axis=1)):
        frames.append(f'{seen.sum()}\r\n')
        frames += [
            _BODY % (_FIRST_ID + body, *rows[body][time]) for body in np.flatnonzero(seen).tolist()
        ]
    return ''.join(frames)


def _rows(track: Track) -> list[list[float]]:
    joints = track.joints
    fields = [joints, _project(joints, _DEPTH), _project(joints, _COLOR), track.states[..., None]]
    return np.concatenate(fields, axis=-1).reshape(len(joints), -1).tolist()


def _project(joints: Array, camera: tuple[float, float, float]) -> Array:
    focal, x, y = camera
    return np.array([x, y]) + np.array([focal, -focal]) * joints[..., :2] / joints[..., 2:]
