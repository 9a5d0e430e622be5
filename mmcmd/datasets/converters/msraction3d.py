"""Read MSR-Action3D: a folder of text files in real-world coordinates, one for each sequence."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.converters.arrays import to_keypoint
from mmcmd.datasets.converters.base import Converter, Item, LeftOut, find_files
from mmcmd.datasets.converters.tokens import Tokens
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import KINECT_V1

CLASSES = (
    *('high arm wave', 'horizontal arm wave', 'hammer', 'hand catch', 'forward punch'),
    *('high throw', 'draw x', 'draw tick', 'draw circle', 'hand clap', 'two hand wave'),
    *('side-boxing', 'bend', 'forward kick', 'side kick', 'jogging', 'tennis swing'),
    *('tennis serve', 'golf swing', 'pick up and throw'),
)
SUFFIX = '_skeleton3D.txt'
SCREEN_SUFFIX = '_skeleton.txt'  # suffix of the release in pixels
# The files have a special order of joints. The readers of three other projects use the same order.
# A fourth one exchanges left and right, which gives the mirror image of the same data.
JOINTS = (
    *('shoulder_right', 'shoulder_left', 'shoulder_centre', 'spine'),
    *('hip_right', 'hip_left', 'hip_centre'),
    *('elbow_right', 'elbow_left', 'wrist_right', 'wrist_left', 'hand_right', 'hand_left'),
    *('knee_right', 'knee_left', 'ankle_right', 'ankle_left', 'foot_right', 'foot_left'),
    'head',
)
FIELDS = 4  # x, y, z and a confidence

_NAME = re.compile(r'a([0-9]{2})_s([0-9]{2})_e([0-9]{2})')
_ORDER = [JOINTS.index(joint) for joint in KINECT_V1.joints]
_PROBES = 50  # files that are read to find the directions of the axes
_FARTHEST = 20.0  # metres; larger coordinates are pixels


@CONVERTERS.register_module('msraction3d')
class MSRAction3DConverter(Converter):
    """MSR-Action3D (CVPR workshops 2010), its skeletons in real-world coordinates.

    A file such as ``a01_s02_e03_skeleton3D.txt`` (action, subject, repetition) has a line ``x y z
    confidence`` in metres for each of the 20 joints of a frame, in the order of :data:`JOINTS`.

    The other Kinect v1 data have y up, and x to the right of a performer who faces the sensor. If
    an axis points the other way in most of these files, it is reversed, and a log line says so.
    Otherwise bodies would be mirrored, with left and right exchanged.

    Args:
        valid (str or PathLike, optional): Text file with the names of the sequences to keep, one in
            a line. Most papers use a list of 557 sequences. It leaves out 10 sequences with missing
            or wrong skeletons.

    Raises:
        InputError: If the list cannot be read or names no sequence.
    """

    layout = KINECT_V1.name
    counted = ('label', 'subject')

    def __init__(self, valid: str | os.PathLike | None = None) -> None:
        self.valid = _read_names(Path(valid)) if valid is not None else None
        self._signs = np.ones(3)

    def facts(self) -> dict[str, Any]:
        """Add the names of the classes."""
        return super().facts() | {'classes': list(CLASSES)}

    def scan(self, source: Path) -> list[Item]:
        """List the files in a folder and its subfolders, and find the directions of the axes."""
        pixels = next(source.rglob(f'*{SCREEN_SUFFIX}'), None)
        remedy = ', only files in pixels: take MSRAction3DSkeletonReal3D' if pixels else ''
        paths = find_files(source, f'*{SUFFIX}', remedy)
        if self.valid is not None and not self.valid & {_stem(path) for path in paths}:
            raise InputError(f'the list of valid sequences names no file in {source}')
        self._signs = _find_signs(paths[:: -(-len(paths) // _PROBES)])
        turned = [axis for axis, sign in zip('xyz', self._signs, strict=True) if sign < 0]
        if turned:
            print_log(
                f'{source}: {" and ".join(turned)} is reversed, as in other Kinect v1 data',
                'current',
            )
        return [Item(str(path), path) for path in paths]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one file."""
        path = item.content
        match = _NAME.fullmatch(_stem(path))
        if match is None:
            raise ValueError(f'{path}: expected a name such as a01_s02_e03{SUFFIX}')
        action, subject, repetition = map(int, match.groups())
        if not 1 <= action <= len(CLASSES):
            raise ValueError(
                f'{path}: there is no action {action}, actions are 1 to {len(CLASSES)}'
            )
        if self.valid is not None and match[0] not in self.valid:
            raise LeftOut(f'{path}: not in the list of valid sequences')
        joints = _read_joints(path)
        if not joints.any():
            raise LeftOut(f'{path}: no joint is ever non-zero (a missing skeleton)')
        keypoint = to_keypoint(joints[:, _ORDER] * self._signs, KINECT_V1.num_joints, str(path))
        return dict(
            frame_dir=match[0],
            label=action - 1,
            keypoint=keypoint,
            total_frames=keypoint.shape[1],
            subject=subject,
            repetition=repetition,
        )

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the cross-subject split, in which the odd subjects are for training."""
        return self.halves('xsub', annotations, lambda a: a['subject'] % 2 == 1)


def _stem(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def _read_names(path: Path) -> frozenset[str]:
    if not path.is_file():
        raise InputError(f'there is no list of valid sequences {path}')
    words = path.read_text('utf-8-sig', 'replace').split()
    names = frozenset(match[0] for word in words if (match := _NAME.match(word)))
    if not names:
        raise InputError(f'{path} names no sequence, expected lines such as a01_s01_e01')
    return names


def _read_joints(path: Path) -> np.ndarray:
    """Read the joints of a file, (T, 20, 3) in metres."""
    try:
        tokens = Tokens(path.read_bytes())
        frames, rest = divmod(len(tokens), FIELDS * len(JOINTS))
        if rest or not frames:
            raise ValueError(
                f'{len(tokens)} numbers, expected x, y, z and a confidence of {len(JOINTS)} joints '
                'for each frame'
            )
        values = tokens.floats(np.arange(len(tokens))).reshape(frames, len(JOINTS), FIELDS)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None
    joints = values[..., :3]
    if np.abs(joints[..., :2]).max() > _FARTHEST:
        raise ValueError(f'{path}: is in pixels, not metres: take MSRAction3DSkeletonReal3D')
    return joints


def _find_signs(paths: Sequence[Path]) -> np.ndarray:
    """Return for each axis -1 if it points opposite to the other Kinect data, else 1; (3,)."""
    rights, ups = [], []
    for path in paths:
        try:
            joints = dict(zip(JOINTS, _read_joints(path).mean(axis=0), strict=True))
        except (ValueError, OSError):  # the conversion reports this when it reads the file again
            continue
        rights.append(joints['shoulder_right'][0] - joints['shoulder_left'][0])
        rights[-1] += joints['hip_right'][0] - joints['hip_left'][0]
        ups.append(joints['shoulder_centre'][1] - joints['hip_centre'][1])
    if not rights:
        return np.ones(3)
    return np.array([-1.0 if np.median(values) < 0 else 1.0 for values in (rights, ups, [1])])
