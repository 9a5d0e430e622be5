"""Read the archives of CTR-GCN's data preparation, such as ``NTU60_CS.npz``."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.converters.archives import Archive, open_archive
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.converters.ntu import JOINTS, MAX_FRAMES, MAX_PERSONS
from mmcmd.datasets.converters.options import name_split
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import NTU

HALVES = {'train': 'train', 'test': 'val'}  # CTR-GCN's name, and the name here
ENDINGS = {'CS': 'xsub', 'CV': 'xview', 'CSub': 'xsub', 'CSet': 'xset'}
WIDTH = MAX_PERSONS * JOINTS * 3  # numbers in a frame, person by person

_LONGEST = 100 * MAX_FRAMES  # most frames that a row may have
_MOST_CLASSES = 10_000
_FILE = re.compile(r'NTU(60|120)_.*', re.ASCII)


@CONVERTERS.register_module('ctrgcn')
class CTRGCNConverter(Converter):
    """CTR-GCN and programs that use its data: one archive such as ``NTU60_CS.npz``.

    The archive holds ``x_train`` ``(N, T, 150)``, ``y_train`` one-hot, ``x_test`` and ``y_test``.
    The coordinates are metres. They are moved so that the first person's spine is the origin in
    frame 0, but not turned. They are normalised later like raw coordinates, with the same result.
    There is one exception: in frames without the first person, the offset of the second person is
    unknown. Frames of zeros at the end of a row are padding. The archive has no names of sequences,
    so the sequences are numbered.

    Args:
        split (str, optional): Name of the split that the two halves form, such as ``xsub`` for
            ``xsub_train`` and ``xsub_val``. By default it follows from the end of the file name:
            ``_CS``, ``_CV``, ``_CSub`` or ``_CSet``.
    """

    layout = NTU.name

    def __init__(self, split: str | None = None) -> None:
        self.split = split and name_split(split)
        self.dataset: str | None = None

    def facts(self) -> dict[str, Any]:
        """Return the name of the data set, if the name of the file contains it."""
        return super().facts() | ({'dataset': self.dataset} if self.dataset else {})

    def scan(self, source: Path) -> list[Item]:
        """Read the archive row by row and drop the padding."""
        self.split = self.split or ENDINGS.get(source.stem.rpartition('_')[2])
        if self.split is None:
            endings = ', '.join(f'_{ending}' for ending in ENDINGS)
            raise InputError(
                f'the name of {source} does not end in {endings}: say which split it is, '
                'for example --split xsub'
            )
        name = _FILE.fullmatch(source.stem)
        self.dataset = f'ntu{name[1]}' if name else None
        with open_archive(source) as archive:
            for half in HALVES:
                _check(archive, half)
            return [
                Item(f'{source}: x_{half}[{index}]', content)
                for half in HALVES
                for index, content in enumerate(self._sequences(archive, half))
            ]

    def _sequences(self, archive: Archive, half: str) -> Iterator[dict[str, Any]]:
        rows = zip(archive.rows(f'x_{half}'), archive.rows(f'y_{half}'), strict=True)
        for index, (frames, one_hot) in enumerate(rows):
            (seen,) = frames.any(axis=1).nonzero()
            yield dict(
                frame_dir=f'{self.split}_{HALVES[half]}_{index:06}',
                half=half,
                one_hot=one_hot.astype(np.float32),
                frames=frames[: seen[-1] + 1 if len(seen) else 0].astype(np.float32),
            )

    def read(self, item: Item) -> dict[str, Any]:
        """Check one sequence and separate its persons."""
        sample = dict(item.content)
        one_hot, frames = sample.pop('one_hot'), sample.pop('frames')[:MAX_FRAMES]
        (label,) = one_hot.nonzero()
        if len(label) != 1 or one_hot[label[0]] != 1:
            raise ValueError(f'{item.name}: its row of y_{sample["half"]} is not one-hot')
        if not np.isfinite(frames).all():
            raise ValueError(f'{item.name}: a coordinate is NaN or infinite')
        keypoint = frames.reshape(-1, MAX_PERSONS, JOINTS, 3).swapaxes(0, 1)
        keypoint = np.ascontiguousarray(keypoint[keypoint.any(axis=(1, 2, 3))])
        if not keypoint.size:
            raise ValueError(f'{item.name}: all zero (a missing skeleton)')
        return {
            **sample,
            'label': int(label[0]),
            'keypoint': keypoint,
            'total_frames': keypoint.shape[1],
        }

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the two halves of the source as training and validation split."""
        return self.halves(self.split, annotations, lambda a: a['half'] == 'train')


def _check(archive: Archive, half: str) -> None:
    """Check the headers of a half before any row is read."""
    shape, dtype = archive.header(f'x_{half}')
    if len(shape) != 3 or shape[2] != WIDTH or dtype.kind != 'f' or not 0 < shape[1] <= _LONGEST:
        raise InputError(
            f'{archive.path}: x_{half} must be floats (N, T, {WIDTH}) with T from 1 to {_LONGEST}, '
            f'got {dtype} {shape}'
        )
    classes, dtype = archive.header(f'y_{half}')
    if len(classes) != 2 or classes[0] != shape[0] or dtype.kind not in 'biuf':
        raise InputError(
            f'{archive.path}: y_{half} must be one-hot ({shape[0]}, classes) as x_{half} has '
            f'{shape[0]} sequences, got {dtype} {classes}'
        )
    if not 0 < classes[1] <= _MOST_CLASSES:
        raise InputError(f'{archive.path}: y_{half} has {classes[1]} classes')
