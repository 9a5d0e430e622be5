"""Read your own motion capture from a folder of BVH files."""

import logging
import os
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.converters.base import Item, find_files
from mmcmd.datasets.converters.bvh_file import Motion, read_bvh
from mmcmd.datasets.converters.bvh_rig import Rig
from mmcmd.datasets.converters.bvh_units import METRES, find_scale, resample
from mmcmd.datasets.converters.options import read_layout
from mmcmd.datasets.converters.own import OwnConverter
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import get_layout
from mmcmd.terminal import NOTICE

SUFFIX = '.bvh'
_TRIES = 10  # the rig comes from the first of this many files that can be read
_SAME_RATE = 0.02  # frame rates that differ by at most this share count as equal


@CONVERTERS.register_module('bvh')
class BVHConverter(OwnConverter):
    """Motion capture, as a folder of BVH files with one rig.

    ``labels.csv``, or the table given as ``labels``, gives the label of each file by its name. If
    no table gives labels, the label of a file is the name of its folder. The joints are the hips
    and all joints below them in the hierarchy, without end sites. Their layout is written beside
    the pickle. Bodies are turned about the vertical, so that they face the sensor in the first
    frame as in Kinect data.

    Args:
        labels (str or PathLike, optional): Table of labels.
        layout (str or PathLike, optional): Name of a joint layout, or a JSON file of its fields.
            Only the joints of this layout are kept, in its order.
        units (str, optional): Unit of the lengths in the files: ``m``, ``cm``, ``mm``, ``in``, or
            the number of metres in one unit. By default the unit in which the rig is as tall as a
            person.
        fps (float, optional): Frames a second to keep. By default all frames.
        up (str): Axis that points upwards, ``'y'`` or ``'z'``. Defaults to ``'y'``.
        keep_heading (bool): Do not turn the bodies. Defaults to False.

    Raises:
        InputError: If an option has a wrong value.
    """

    writes_layout: ClassVar[bool] = True

    def __init__(
        self,
        labels: str | os.PathLike | None = None,
        layout: str | os.PathLike | None = None,
        units: str | None = None,
        fps: float | None = None,
        up: str = 'y',
        keep_heading: bool = False,
    ) -> None:
        super().__init__(labels)
        if fps is not None and not 0 < fps < np.inf:
            raise InputError(f'fps must be above 0, got {fps}')
        if up not in ('y', 'z'):
            raise InputError(f'up must be y or z, got {up!r}')
        self.chosen = get_layout(read_layout(layout)) if layout is not None else None
        self.units, self.fps, self.up, self.keep_heading = units, fps, up, keep_heading

    def scan(self, source: Path) -> list[Item]:
        """List the files, and take the rig from the first file that can be read."""
        paths = find_files(source, f'*{SUFFIX}')
        first, motion = _first_motion(paths)
        self._names, self._rate, self._first = motion.names, motion.rate, first
        self.rig = Rig.find(motion.names, motion.parents, _turn(motion.positions[0], self.up))
        self.scale = find_scale(self.rig, self.units, first)
        unit = next((name for name, scale in METRES.items() if scale == self.scale), self.scale)
        print_log(
            f'{first}: {len(self.rig.joints)} joints, lengths in {unit}, body '
            f'{self.rig.stature * self.scale:.2f} m, {motion.rate:.4g} frames a second',
            'current',
            NOTICE,
        )
        self._check_posture(motion)
        if self.chosen is not None:
            self.layout = self.chosen.to_dict()
            self._order = self._find_joints()
        else:
            stem = re.sub(r'[^A-Za-z0-9_-]+', '_', source.resolve().name) or 'bvh'
            self.layout = self.rig.layout(stem)
            self._order = list(range(len(self.rig.joints)))
        return self.label_files(source, paths)

    def _check_posture(self, motion: Motion) -> None:
        """Warn if the first body lies down, because then another axis may point upwards."""
        if self.rig.limbs is None:
            print_log(
                f'{self._first}: no arms and legs are found, because names of joints must contain '
                '`left` and `right`, or L and R; the bodies are not turned',
                'current',
                logging.WARNING,
            )
            return
        body = _turn(motion.positions[0], self.up)[list(self.rig.kept)]
        spine = body[self.rig.parents[self.rig.limbs['arm_left'][0]]] - body[0]
        if np.abs(spine).argmax() != 1 or spine[1] < 0:
            print_log(
                f'{self._first}: its first body lies or stands on its head with {self.up} up; '
                'if all bodies do so, another axis points up: see --up',
                'current',
                logging.WARNING,
            )

    def _find_joints(self) -> list[int]:
        absent = [name for name in self.chosen.joints if name not in self.rig.joints]
        if absent:
            raise InputError(
                f'{self._first} has no joint {", ".join(absent)} of the layout '
                f'{self.chosen.name!r}; its joints are {", ".join(self.rig.joints)}'
            )
        return [self.rig.joints.index(name) for name in self.chosen.joints]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one file."""
        path, said = item.content
        motion = read_bvh(path)
        if motion.names != self._names:
            others = sorted(set(motion.names) ^ set(self._names)) or ['the order of its joints']
            raise ValueError(f'{path}: has another rig than {self._first}, see {others[0]}')
        positions = _turn(motion.positions[:, list(self.rig.kept)], self.up) * self.scale
        if self.fps is None and abs(motion.rate / self._rate - 1) > _SAME_RATE:
            raise ValueError(
                f'{path}: has {motion.rate:.4g} frames a second, and {self._first} '
                f'{self._rate:.4g}: give one rate for all, for example --fps 30'
            )
        if self.fps is not None:
            positions = resample(positions, motion.rate, self.fps)
        if not self.keep_heading:
            positions = self.rig.face_the_sensor(positions)
        with np.errstate(over='ignore'):
            keypoint = positions[None][:, :, self._order].astype(np.float32)
        if not np.isfinite(keypoint).all():
            raise ValueError(f'{path}: a coordinate is NaN or infinite')
        return {**said, 'keypoint': keypoint, 'total_frames': keypoint.shape[1]}


def _turn(positions: np.ndarray, up: str) -> np.ndarray:
    """Return positions with y up."""
    return positions if up == 'y' else positions[..., [0, 2, 1]] * [1, 1, -1]


def _first_motion(paths: list[Path]) -> tuple[Path, Motion]:
    reasons = []
    for path in paths[:_TRIES]:
        try:
            return path, read_bvh(path)
        except (ValueError, OSError) as error:
            reasons.append(str(error))
    raise InputError(f'none of the first {len(reasons)} files can be read: {reasons[0]}')
