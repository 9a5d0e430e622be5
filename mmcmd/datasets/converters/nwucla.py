"""Read Northwestern-UCLA Multiview Action3D: a folder of JSON files, one for each sequence."""

import json
import re
from pathlib import Path
from typing import Any

from mmcmd.datasets.converters.arrays import to_keypoint
from mmcmd.datasets.converters.base import Converter, Item, find_files
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import KINECT_V1

# The keys are the numbers of the actions, in the order of the classes. There is no 7 and no 10.
CLASSES = {
    1: 'pick up with one hand',
    2: 'pick up with two hands',
    3: 'drop trash',
    4: 'walk around',
    5: 'sit down',
    6: 'stand up',
    8: 'donning',
    9: 'doffing',
    11: 'throw',
    12: 'carry',
}
ACTIONS = tuple(CLASSES)
SUBJECTS = 10
TRAIN_VIEWS = frozenset((1, 2))

_NAME = re.compile(r'a([0-9]{2})_s([0-9]{2})_e([0-9]{2})_v([0-9]{2})')


@CONVERTERS.register_module('nwucla')
class NWUCLAConverter(Converter):
    """Northwestern-UCLA (CVPR 2014), as the ``all_sqe`` files that the GCN family trains on.

    A file such as ``a08_s01_e00_v01.json`` (action, subject, environment, view) holds
    ``skeletons`` ``(T, 20, 3)`` in metres and ``label``, which counts the ten classes from 1.

    Args:
        test_subject (int): Subject that the cross-subject split holds out. The paper holds out each
            of the ten subjects in turn and averages the results. There is no standard for the
            subject of a single split.

    Raises:
        InputError: If there is no such subject.
    """

    layout = KINECT_V1.name
    counted = ('label', 'subject', 'view')

    def __init__(self, test_subject: int = SUBJECTS) -> None:
        if not 1 <= test_subject <= SUBJECTS:
            raise InputError(f'test_subject must lie in [1, {SUBJECTS}], got {test_subject}')
        self.test_subject = test_subject

    def facts(self) -> dict[str, Any]:
        """Add the names of the classes."""
        return super().facts() | {'classes': list(CLASSES.values())}

    def scan(self, source: Path) -> list[Item]:
        """List the ``.json`` files in a folder and its subfolders."""
        return [Item(str(path), path) for path in find_files(source, '.json')]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one file."""
        path = item.content
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise ValueError(f'{path}: expected a name such as a08_s01_e00_v01.json')
        action, subject, environment, view = map(int, match.groups())
        if action not in ACTIONS:
            raise ValueError(f'{path}: there is no action {action}, actions are {ACTIONS}')
        label = ACTIONS.index(action)
        data = _load(path)
        if type(data['label']) is not int or data['label'] != label + 1:
            raise ValueError(
                f'{path}: label {str(data["label"])[:20]}, but action {action} is class {label + 1}'
            )
        keypoint = to_keypoint(data['skeletons'], KINECT_V1.num_joints, f'{path}: skeletons')
        return dict(
            frame_dir=path.stem,
            label=label,
            keypoint=keypoint,
            total_frames=keypoint.shape[1],
            subject=subject,
            environment=environment,
            view=view,
        )

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the halves of the cross-view (views 1 and 2 train) and cross-subject splits."""
        return {
            **self.halves('xview', annotations, lambda a: a['view'] in TRAIN_VIEWS),
            **self.halves('xsub', annotations, lambda a: a['subject'] != self.test_subject),
        }


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes(), parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f'{path} is not a skeleton file: nested too deeply') from None
    except ValueError as error:
        raise ValueError(f'{path} is not valid JSON: {error}') from None
    if not isinstance(data, dict) or not {'skeletons', 'label'} <= data.keys():
        raise ValueError(f'{path}: expected an object with skeletons and label')
    return data


def _refuse(constant: str) -> None:
    raise ValueError(f'a number is {constant}')
