"""Read UTD-MHAD: a folder of MATLAB files, one for each sequence."""

import re
from pathlib import Path
from typing import Any

from mmcmd.datasets.converters.arrays import to_keypoint
from mmcmd.datasets.converters.base import Converter, Item, find_files
from mmcmd.datasets.converters.matlab import read_floats
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import KINECT_V1

CLASSES = (
    *('swipe left', 'swipe right', 'wave', 'clap', 'throw', 'cross arms', 'basketball shoot'),
    *('draw x', 'draw circle clockwise', 'draw circle counter-clockwise', 'draw triangle'),
    *('bowling', 'boxing', 'baseball swing', 'tennis swing', 'arm curl', 'tennis serve', 'push'),
    *('knock', 'catch', 'pick up and throw', 'jog', 'walk', 'sit to stand', 'stand to sit'),
    *('lunge', 'squat'),
)
ACTIONS = len(CLASSES)
SUFFIX = '_skeleton.mat'
VARIABLE = 'd_skel'
# The files begin with the head and go down the trunk; the limbs have the order of the layout.
JOINTS = ('head', 'shoulder_centre', 'spine', 'hip_centre', *KINECT_V1.joints[4:])

_NAME = re.compile(rf'a([0-9]{{1,3}})_s([0-9]{{1,3}})_t([0-9]{{1,3}}){re.escape(SUFFIX)}')
_ORDER = [JOINTS.index(joint) for joint in KINECT_V1.joints]


@CONVERTERS.register_module('utdmhad')
class UTDMHADConverter(Converter):
    """UTD Multimodal Human Action Dataset (ICIP 2015), its skeletons.

    A file such as ``a1_s2_t3_skeleton.mat`` (action, subject, trial) holds ``d_skel``
    ``(20, 3, T)`` in metres, the joints in the order of :data:`JOINTS`.
    """

    layout = KINECT_V1.name
    counted = ('label', 'subject')

    def facts(self) -> dict[str, Any]:
        """Add the names of the classes."""
        return super().facts() | {'classes': list(CLASSES)}

    def scan(self, source: Path) -> list[Item]:
        """List the skeleton files in a folder and its subfolders."""
        return [Item(str(path), path) for path in find_files(source, f'*{SUFFIX}')]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one file."""
        path = item.content
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f'{path}: expected a name such as a1_s2_t3{SUFFIX}')
        action, subject, trial = map(int, match.groups())
        if not 1 <= action <= ACTIONS:
            raise ValueError(f'{path}: there is no action {action}, actions are 1 to {ACTIONS}')
        try:
            skeleton = read_floats(path.read_bytes(), VARIABLE)
        except ValueError as error:
            raise ValueError(f'{path} cannot be read: {error}') from None
        if skeleton.ndim != 3:
            raise ValueError(f'{path}: {VARIABLE} must be (20, 3, T), got {skeleton.shape}')
        keypoint = to_keypoint(
            skeleton.transpose(2, 0, 1), KINECT_V1.num_joints, f'{path}: {VARIABLE} as (T, V, 3)'
        )
        return dict(
            frame_dir=path.name.removesuffix(SUFFIX),
            label=action - 1,
            keypoint=keypoint[:, :, _ORDER],
            total_frames=keypoint.shape[1],
            subject=subject,
            trial=trial,
        )

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the cross-subject split, in which the odd subjects are for training."""
        return self.halves('xsub', annotations, lambda a: a['subject'] % 2 == 1)
