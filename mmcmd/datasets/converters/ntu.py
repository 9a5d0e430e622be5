"""Read NTU RGB+D 60 and 120: a folder of ``.skeleton`` text files."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmcmd.datasets.converters.base import Converter, Item, LeftOut, find_files
from mmcmd.datasets.converters.ntu_bodies import Body, join_bodies
from mmcmd.datasets.converters.tokens import Tokens
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS

MAX_BODIES = 4  # bodies that are read from a frame
MAX_PERSONS = 2  # bodies that are kept
MAX_FRAMES = 300
BODIES = None, 'energetic', 'joined'
JOINTS = 25
HEADER = 11  # fields of a body before its joints: ten of the id line and the joint count
FIELDS = 12  # fields of a joint line; the first three are x, y and z
_JOINTS = b'%d' % JOINTS

# One list for both data sets: subjects above 40 exist in NTU RGB+D 120 only.
TRAIN_SUBJECTS = frozenset(
    (
        *(1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38),
        *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84),
        *(85, 86, 89, 91, 92, 93, 94, 95, 97, 98, 100, 103),
    )
)
TRAIN_CAMERAS = frozenset((2, 3))
TRAINS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    'xsub': lambda sample: sample['subject'] in TRAIN_SUBJECTS,
    'xview': lambda sample: sample['camera'] in TRAIN_CAMERAS,
    'xset': lambda sample: sample['setup'] % 2 == 0,
}
"""For each split, a function that returns whether a sample is for training. Its argument holds the
numbers of a :class:`SampleName`."""

_NAME = re.compile(r'S([0-9]{3})C([0-9]{3})P([0-9]{3})R([0-9]{3})A([0-9]{3})')
# Offsets of the tokens x, y, z of each joint, from the first joint of a body; shape (V, C).
_COORDINATES = FIELDS * np.arange(JOINTS)[:, None] + np.arange(3)


class SampleName(NamedTuple):
    """Numbers in the name of a sample such as ``S001C002P003R002A013``."""

    setup: int
    camera: int
    subject: int
    replication: int
    action: int

    @classmethod
    def parse(cls, name: str) -> 'SampleName | None':
        """Read a name without suffix. The result is None if it is not the name of a sample."""
        match = _NAME.fullmatch(name)
        parsed = match and cls(*map(int, match.groups()))
        return parsed if parsed and parsed.action > 0 else None


def read_skeleton(path: str | os.PathLike) -> np.ndarray:
    """Read the joints of a ``.skeleton`` file.

    Args:
        path (str or PathLike): Text: the number of frames; per frame the number of bodies; per body
            an id line of 10 fields, the number of joints, and 25 lines of 12 fields.

    Returns:
        np.ndarray: float32 ``(4, T, 25, 3)`` in metres, T at most 300. In each frame, the bodies
        have the order of the file. A missing body is zero.

    Raises:
        ValueError: If the file is truncated, or not such a file; the message names it.
    """
    try:
        return _read_bodies(Tokens(Path(path).read_bytes()))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None


def read_bodies(path: str | os.PathLike) -> tuple[list[Body], int]:
    """Read the bodies of a ``.skeleton`` file by their ids.

    Args:
        path (str or PathLike): As for :func:`read_skeleton`.

    Returns:
        tuple[list[Body], int]: In the order in which they appear; the number of frames, at most
        300, in which there is a body. Frames without a body are left out.

    Raises:
        ValueError: If the file is not whole, or not such a file; names it.
    """
    try:
        return _bodies_by_id(Tokens(Path(path).read_bytes()))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None


def _bodies_by_id(tokens: Tokens) -> tuple[list[Body], int]:
    _, _, frames, first_joints = _find_bodies(tokens, most=len(tokens))
    values = _coordinates(tokens, frames, first_joints)
    _, places = np.unique(frames, return_inverse=True)
    found: dict[bytes, list[int]] = {}
    for index, joints in enumerate(first_joints):
        found.setdefault(tokens[joints - HEADER], []).append(index)
    bodies = [Body(int(places[rows[0]]), values[rows]) for rows in found.values()]
    return bodies, int(places[-1]) + 1


def _read_bodies(tokens: Tokens) -> np.ndarray:
    num_frames, bodies, frames, first_joints = _find_bodies(tokens, MAX_BODIES)
    keypoint = np.zeros((MAX_BODIES, min(num_frames, MAX_FRAMES), JOINTS, 3), np.float32)
    keypoint[bodies, frames] = _coordinates(tokens, frames, first_joints)
    return keypoint


def _find_bodies(tokens: Tokens, most: int) -> tuple[int, list[int], list[int], list[int]]:
    """Return the number of frames, and for each body place, frame and index of its first joint."""
    length = len(tokens)
    if not length:
        raise ValueError('the file is empty, expected the number of frames')
    num_frames = tokens.count(0)
    bodies, frames, first_joints = [], [], []
    cursor = 1
    # The counts in the file may be wrong. So no memory is allocated for them; they move a cursor.
    for frame in range(num_frames):
        num_bodies = tokens.count(cursor) if cursor < length else 1
        cursor += 1
        for body in range(num_bodies):
            joints = cursor + HEADER
            if joints <= length and tokens[joints - 1] != _JOINTS:
                raise ValueError(
                    f'frame {frame + 1}: expected {JOINTS} joints, '
                    f'got {tokens[joints - 1][:20].decode("ascii", "replace")!r}'
                )
            cursor = joints + JOINTS * FIELDS
            if cursor > length:
                raise ValueError(f'truncated: {frame} whole frames of {num_frames} claimed')
            if body < most and frame < MAX_FRAMES:
                bodies.append(body)
                frames.append(frame)
                first_joints.append(joints)
    if cursor < length:
        raise ValueError(f'{length - cursor} fields follow the {num_frames} frames claimed')
    if not first_joints:
        raise ValueError(f'no body in any of {num_frames} frames (a missing skeleton)')
    return num_frames, bodies, frames, first_joints


def _coordinates(tokens: Tokens, frames: list[int], first_joints: list[int]) -> np.ndarray:
    """Return the joints of each body, float32, (n, V, 3)."""
    values = tokens.floats(np.array(first_joints)[:, None, None] + _COORDINATES)
    with np.errstate(over='ignore'):
        values = values.astype(np.float32)
    finite = np.isfinite(values).all(axis=(1, 2))
    if not finite.all():
        raise ValueError(f'frame {frames[finite.argmin()] + 1}: a coordinate is NaN or infinite')
    return values


def select_persons(bodies: np.ndarray) -> np.ndarray:
    """Keep the bodies that move most. Furniture that was taken for a body does not move.

    The energy of a body is the sum of the standard deviations of x, y and z over all joints in the
    frames that are not all zero, as in the ST-GCN family.

    Args:
        bodies (np.ndarray): ``(4, T, V, 3)`` in metres.

    Returns:
        np.ndarray: ``(M, T, V, 3)``, M in {0, 1, 2}. The body with the most energy comes first, and
        no body is all zero.
    """
    seen = bodies.any(axis=(2, 3))
    present = np.flatnonzero(seen.any(axis=1))
    energy = np.array([_energy(bodies[m, seen[m]]) for m in present])
    return bodies[present[np.argsort(-energy, kind='stable')[:MAX_PERSONS]]]


def _energy(body: np.ndarray) -> float:
    axes = body.reshape(-1, 3).T.astype(np.float64, order='C')  # contiguous arrays are faster
    return axes.std(axis=1).sum()


@CONVERTERS.register_module('ntu')
class NTUConverter(Converter):
    """NTU RGB+D (https://arxiv.org/abs/1604.02808) and NTU RGB+D 120 (1905.04757).

    Args:
        missing (str or PathLike, optional): Text file with the names of samples with missing or
            incomplete skeletons, one in a line. Lines without such a name are comments.
        actions (str, optional): Actions to keep, such as ``1-60`` or ``1,5,7-9``.
        bodies (str, optional): ``'energetic'`` keeps the bodies that move most
            (:func:`select_persons`). ``'joined'`` leaves out noise and joins the others to two
            persons, as in the data of MAMP, STARS and SLiM (:func:`join_bodies`). Defaults to
            ``'energetic'``.

    Raises:
        InputError: If the list cannot be read or names no sample, ``actions`` is malformed, or
            ``bodies`` is something else.
    """

    layout = 'ntu'
    counted = ('label', 'subject', 'camera', 'setup')

    def __init__(
        self,
        missing: str | os.PathLike | None = None,
        actions: str | None = None,
        bodies: str | None = None,
    ) -> None:
        if bodies not in BODIES:
            raise InputError(f'bodies of ntu must be energetic or joined, but got {bodies!r}')
        self.bodies = bodies
        self.missing = _read_names(Path(missing)) if missing else frozenset()
        self.actions = _parse_actions(actions) if actions else None

    def scan(self, source: Path) -> list[Item]:
        """List the ``.skeleton`` files in a folder and its subfolders."""
        paths = find_files(source, '.skeleton')
        return [Item(str(path), path) for path in paths if self._is_wanted(path.stem)]

    def _is_wanted(self, stem: str) -> bool:
        name = SampleName.parse(stem)
        return self.actions is None or name is None or name.action in self.actions

    def read(self, item: Item) -> dict[str, Any]:
        """Read one file; see :func:`read_skeleton` and :func:`select_persons`."""
        path = item.content
        name = SampleName.parse(path.stem)
        if name is None:
            raise ValueError(f'{path}: expected a name such as S001C002P003R002A013.skeleton')
        if path.stem in self.missing:
            raise LeftOut(f'{path}: in the list of samples with missing skeletons')
        keypoint = self._keypoint(path)
        if not keypoint.any():
            raise ValueError(f'{path}: no joint of any body is ever non-zero (a missing skeleton)')
        return dict(
            frame_dir=path.stem,
            label=name.action - 1,
            keypoint=keypoint,
            total_frames=keypoint.shape[1],
            **name._asdict(),
        )

    def _keypoint(self, path: Path) -> np.ndarray:
        """Return the joints of the chosen bodies, (M, T, V, 3)."""
        if self.bodies == 'joined':
            return join_bodies(*read_bodies(path))
        return select_persons(read_skeleton(path))

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the halves of the cross-subject, cross-view and cross-setup splits."""
        splits: dict[str, list[str]] = {}
        for name, trains in TRAINS.items():
            splits |= self.halves(name, annotations, trains)
        return splits


def _read_names(path: Path) -> frozenset[str]:
    if not path.is_file():
        raise InputError(f'there is no list of missing samples {path}')
    lines = path.read_text('utf-8-sig', 'replace').splitlines()
    names = frozenset(name for line in lines if _NAME.fullmatch(name := _sample(line)))
    if not names:
        raise InputError(f'{path} names no sample, expected lines such as S001C002P005R002A008')
    return names


def _sample(line: str) -> str:
    return line.split('#')[0].strip().removesuffix('.skeleton')


def _parse_actions(text: str) -> frozenset[int]:
    actions: set[int] = set()
    for part in text.split(','):
        match = re.fullmatch(r'\s*([0-9]{1,3})(?:-([0-9]{1,3}))?\s*', part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last:
            raise InputError(f'actions {text!r}: expected something like 1-60 or 1,5,7-9')
        actions.update(range(first, last + 1))
    return frozenset(actions)
