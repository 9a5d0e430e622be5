"""Read UTKinect-Action3D: recordings of ten actions as text, with the frames of each action."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmcmd.datasets.converters.arrays import to_keypoint
from mmcmd.datasets.converters.base import Converter, Item, LeftOut
from mmcmd.datasets.converters.tokens import Tokens
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import KINECT_V1

# The spelling and the order are those of `actionLabel.txt`.
CLASSES = (
    *('walk', 'sitDown', 'standUp', 'pickUp', 'carry'),
    *('throw', 'push', 'pull', 'waveHands', 'clapHands'),
)
LABELS = 'actionLabel.txt'
FIELDS = 1 + 3 * KINECT_V1.num_joints  # the number of the frame, then x, y and z of each joint

_RECORDING = re.compile(r's([0-9]{2})_e([0-9]{2})')
_INTERVAL = re.compile(r'(\w+)\s*:\s*(\S+)\s+(\S+)')


class Clip(NamedTuple):
    """One action of a recording: the frames with numbers from ``start`` to ``end``."""

    path: Path
    action: str
    start: str
    end: str


@CONVERTERS.register_module('utkinect')
class UTKinectConverter(Converter):
    """UTKinect-Action3D (CVPR workshops 2012), its skeletons.

    The source is a folder with ``actionLabel.txt`` and files such as ``joints_s01_e02.txt``
    (subject, episode), at any depth. A line of a file holds the number of a frame, and x, y and z
    in metres of 20 joints in the order of Kinect v1. Frames without a skeleton have no line. If a
    frame has two lines, they are two estimates of the same body, and the first line is used.
    """

    layout = KINECT_V1.name
    counted = ('label', 'subject')

    def __init__(self) -> None:
        self._opened: tuple[Path | None, tuple[np.ndarray, np.ndarray]] = (None, _NOTHING)

    def facts(self) -> dict[str, Any]:
        """Add the names of the classes."""
        return super().facts() | {'classes': list(CLASSES)}

    def scan(self, source: Path) -> list[Item]:
        """List the actions of each recording."""
        if not source.is_dir():
            raise InputError(f'{source} is a file, expected a folder with {LABELS}')
        labels = sorted(source.rglob(LABELS))
        if len(labels) != 1:
            found = 'two or more files' if labels else 'no file'
            raise InputError(f'there is {found} {LABELS} in {source}, expected one')
        joints = {path.stem: path for path in sorted(source.rglob('joints_s*_e*.txt'))}
        items = []
        for place, recording, interval in _read_labels(labels[0]):
            path = joints.get(f'joints_{recording}')
            if interval is None:
                items.append(Item(place, f'{place}: expected an action and two frames'))
            elif path is None:
                items.append(
                    Item(place, f'{place}: there is no joints_{recording}.txt in {source}')
                )
            else:
                items.append(Item(f'{path} ({place})', Clip(path, *interval)))
        if not items:
            raise InputError(f'{labels[0]} names no action, expected lines such as walk: 252 390')
        return items

    def read(self, item: Item) -> dict[str, Any]:
        """Read the frames of one action."""
        if isinstance(item.content, str):
            raise ValueError(item.content)
        clip: Clip = item.content
        if clip.action not in CLASSES:
            raise ValueError(f'{item.name}: there is no action {clip.action[:20]!r}')
        if 'nan' in (clip.start.lower(), clip.end.lower()):
            raise LeftOut(f'{item.name}: the list gives no frames for this action')
        if not (clip.start.isdecimal() and clip.end.isdecimal()):
            raise ValueError(f'{item.name}: expected the numbers of two frames')
        if self._opened[0] != clip.path:  # the next actions of a recording reuse its frames
            self._opened = clip.path, _read_recording(clip.path)
        numbers, joints = self._opened[1]
        chosen = (numbers >= int(clip.start[:9])) & (numbers <= int(clip.end[:9]))
        if not chosen.any():
            raise ValueError(f'{item.name}: no frame from {clip.start} to {clip.end} is there')
        keypoint = to_keypoint(joints[chosen], KINECT_V1.num_joints, item.name)
        recording = clip.path.stem.removeprefix('joints_')
        subject, episode = map(int, _RECORDING.fullmatch(recording).groups())
        return dict(
            frame_dir=f'{recording}_{clip.action}',
            label=CLASSES.index(clip.action),
            keypoint=keypoint,
            total_frames=keypoint.shape[1],
            subject=subject,
            episode=episode,
        )

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the cross-subject split, in which the odd subjects are for training.

        The paper holds out one sequence at a time.
        """
        return self.halves('xsub', annotations, lambda a: a['subject'] % 2 == 1)


_NOTHING = np.zeros(0), np.zeros((0, KINECT_V1.num_joints, 3))


def _read_labels(path: Path) -> Iterator[tuple[str, str, tuple[str, str, str] | None]]:
    """Yield for each line its place, the recording, and the action with its two frames."""
    recording = None
    for number, line in enumerate(path.read_text('utf-8-sig', 'replace').splitlines(), start=1):
        line, place = line.strip(), f'{path}, line {number}'
        if _RECORDING.fullmatch(line):
            recording = line
        elif line:
            if recording is None:
                raise InputError(f'{place}: expected a recording such as s01_e01')
            match = _INTERVAL.fullmatch(line)
            yield place, recording, match and match.groups()


def _read_recording(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the numbers of the frames (T,) and their joints (T, 20, 3)."""
    content = path.read_bytes()
    for number, line in enumerate(content.splitlines(), start=1):
        if (fields := len(line.split())) not in (0, FIELDS):
            raise ValueError(f'{path}, line {number}: {fields} numbers, expected {FIELDS}')
    try:
        tokens = Tokens(content)
        if len(tokens) % FIELDS:
            raise ValueError('control characters in the numbers')
        values = tokens.floats(np.arange(len(tokens))).reshape(-1, FIELDS)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None
    numbers, first = np.unique(values[:, 0], return_index=True)
    return numbers, values[first, 1:].reshape(-1, KINECT_V1.num_joints, 3)
