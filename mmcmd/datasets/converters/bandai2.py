"""Read Bandai-Namco-Research-Motiondataset-2: the published BVH files, or ``.npz`` positions."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.converters.archives import open_archive
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.converters.bvh_file import read_bvh
from mmcmd.datasets.converters.bvh_rig import plain_name
from mmcmd.datasets.converters.bvh_units import METRES
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import BANDAI2

CLASSES = (
    *('walk', 'walk-turn-left', 'walk-turn-right', 'run'),
    *('wave-both-hands', 'wave-left-hand', 'wave-right-hand'),
    *('raise-up-both-hands', 'raise-up-left-hand', 'raise-up-right-hand'),
)
STYLES = ('active', 'elderly', 'exhausted', 'feminine', 'masculine', 'normal', 'youthful')
TEST_STYLES = frozenset(('elderly', 'youthful'))

_EVERY = 2  # every second frame of a BVH file is kept: 15 of 30 frames a second
_NAME = re.compile(r'dataset-2_([a-z-]+)_([a-z]+)_[0-9]+')


@CONVERTERS.register_module('bandai2')
class Bandai2Converter(Converter):
    """Actions of daily life in seven styles (https://arxiv.org/abs/2306.08861).

    The source is either a folder of the published files or one archive. The files have names such
    as ``dataset-2_walk_active_001.bvh`` (action, style, number), lengths in centimetres and 30
    frames a second; every second frame is kept. The archive holds ``keypoint`` ``(sum of T, 21,
    3)`` in metres, one sequence after the other. It also holds ``total_frames``, ``label``,
    ``style`` and ``frame_dir`` for each sequence, ``style_names``, ``parents`` (-1 is the root),
    and perhaps ``class_names``. The actors are unknown, so the split is by style.
    """

    layout = BANDAI2.name
    counted = ('label', 'style')

    def __init__(self) -> None:
        self._classes: list[str] = list(CLASSES)

    def facts(self) -> dict[str, Any]:
        """Add the names of the classes, if they are known."""
        return super().facts() | ({'classes': self._classes} if self._classes else {})

    def scan(self, source: Path) -> list[Item]:
        """List the files of a folder, or open the archive and cut it into sequences."""
        if source.is_dir():
            paths = sorted(path for path in source.rglob('*.bvh') if path.is_file())
            if not paths:
                raise InputError(f'there is no dataset-2_*.bvh file in {source}')
            return [Item(str(path), path) for path in paths]
        arrays = _load(source)
        self._classes = [str(name) for name in arrays.get('class_names', ())]
        ends = np.cumsum(arrays['total_frames'])
        return [
            Item(
                str(name),
                dict(
                    frame_dir=str(name),
                    label=int(label),
                    style=int(style),
                    style_name=str(arrays['style_names'][style]),
                    keypoint=arrays['keypoint'][end - length : end],
                ),
            )
            for name, label, style, end, length in zip(
                *(arrays[key] for key in ('frame_dir', 'label', 'style')),
                ends,
                arrays['total_frames'],
                strict=True,
            )
        ]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one file, or check one sequence."""
        if isinstance(item.content, Path):
            return _read_file(item.content)
        keypoint = item.content['keypoint'][None].astype(np.float32)
        if not keypoint.shape[1]:
            raise ValueError(f'{item.name}: has no frames')
        if not np.isfinite(keypoint).all():
            raise ValueError(f'{item.name}: a coordinate is NaN or infinite')
        if item.content['label'] < 0:
            raise ValueError(f'{item.name}: label {item.content["label"]}, expected >= 0')
        return {**item.content, 'keypoint': keypoint, 'total_frames': keypoint.shape[1]}

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the cross-style split, in which two styles are for the test."""
        return self.halves('xstyle', annotations, lambda a: a['style_name'] not in TEST_STYLES)


def _read_file(path: Path) -> dict[str, Any]:
    match = _NAME.fullmatch(path.stem)
    if match is None or match[1] not in CLASSES or match[2] not in STYLES:
        raise ValueError(
            f'{path}: expected a name such as dataset-2_walk_active_001.bvh, of the 10 actions and '
            '7 styles of the second data set'
        )
    motion = read_bvh(path)
    joints = [plain_name(name) for name in motion.names]
    if absent := [name for name in BANDAI2.joints if name not in joints]:
        raise ValueError(f'{path}: there is no joint {", ".join(absent)}')
    order = [joints.index(name) for name in BANDAI2.joints]
    positions = motion.positions[::_EVERY, order] * METRES['cm']
    return dict(
        frame_dir=path.stem,
        label=CLASSES.index(match[1]),
        style=STYLES.index(match[2]),
        style_name=match[2],
        keypoint=positions[None].astype(np.float32),
        total_frames=len(positions),
    )


def _load(source: Path) -> dict[str, np.ndarray]:
    """Load the archive and check its arrays."""
    per_sequence = ('total_frames', 'label', 'style', 'frame_dir')
    joints = BANDAI2.num_joints
    with open_archive(source) as archive:
        shape, dtype = archive.header('keypoint')
        if dtype.kind != 'f' or len(shape) != 3 or shape[1:] != (joints, 3):
            raise InputError(
                f'{source}: keypoint must be floats (sum of T, {joints}, 3), got {dtype} {shape}'
            )
        headers = {key: archive.header(key) for key in per_sequence}
        if len({shape for shape, _ in headers.values()}) > 1 or len(headers['label'][0]) != 1:
            raise InputError(f'{source}: {", ".join(per_sequence)} must be equally many')
        if any(headers[key][1].kind not in 'iu' for key in ('total_frames', 'label', 'style')):
            raise InputError(f'{source}: total_frames, label and style must be integers')
        shape, dtype = archive.header('style_names')
        if len(shape) != 1 or dtype.kind != 'U':
            raise InputError(f'{source}: style_names must be text (styles,), got {dtype} {shape}')
        names = (*per_sequence, 'keypoint', 'style_names', 'parents')
        arrays = {key: archive.load(key) for key in names}
        if 'class_names' in archive and archive.header('class_names')[1].kind == 'U':
            arrays['class_names'] = archive.load('class_names').ravel()

    frames, style, parents = (arrays[key] for key in ('total_frames', 'style', 'parents'))
    total = sum(frames.tolist())
    if (frames < 0).any() or total != len(arrays['keypoint']):
        raise InputError(
            f'{source}: total_frames add up to {total}, keypoint has '
            f'{len(arrays["keypoint"])} frames'
        )
    if style.size and not 0 <= style.min() <= style.max() < arrays['style_names'].size:
        raise InputError(f'{source}: a style has no name in style_names')
    if parents.dtype.kind == 'i':
        parents = np.where(parents < 0, np.arange(parents.size).reshape(parents.shape), parents)
    if parents.tolist() != list(BANDAI2.parents):
        raise InputError(f'{source}: parents differ from those of the layout {BANDAI2.name!r}')
    return arrays
