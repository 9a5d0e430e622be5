"""Data of one's own with any joints, as one ``.npz``; see docs/bring_your_own_data.md."""

import os
import re
from abc import ABC
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.converters.archives import Archive, open_archive
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.converters.options import read_layout
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import get_layout

ALL = 'all'  # the split of samples that say none


class OwnConverter(Converter, ABC):
    """What the formats for data of one's own share.

    A sample tells its name, its label (a class number from 0, or a class name), and perhaps its
    split and subject. Where not all labels are numbers, the sorted names become the numbers, and
    the pickle holds them as ``classes``.

    Args:
        layout (str or PathLike): Name of a joint layout, or a JSON file of its fields.

    Raises:
        InputError: If there is no such layout, or none is given.
    """

    counted = ('label', 'subject')

    def __init__(self, layout: str | os.PathLike | None = None) -> None:
        if layout is None:
            raise InputError(
                'say which joints these are: --layout NAME, or --layout FILE.json with '
                'the name, joints, parents, centre, spine and shoulders'
            )
        self.layout = read_layout(layout)
        layout = get_layout(self.layout)
        self.num_joints, self._turned = layout.num_joints, layout.spine is not None
        self.classes: list[str] | None = None

    def facts(self) -> dict[str, Any]:
        """Add the names of the classes, where they have some."""
        return super().facts() | ({'classes': self.classes} if self.classes else {})

    def number(self, labels: list[str]) -> list[int]:
        """Turn labels, as text, into class numbers; their names are kept."""
        if all(re.fullmatch(r'-?[0-9]{1,9}', label) for label in labels):
            return [int(label) for label in labels]
        self.classes = sorted(set(labels))
        numbers = {name: number for number, name in enumerate(self.classes)}
        return [numbers[label] for label in labels]

    def annotation(self, item: Item, keypoint: np.ndarray) -> dict[str, Any]:
        """Check a sequence and make an annotation of it.

        Args:
            item (Item): Its content is a dict that goes into the annotation.
            keypoint (np.ndarray): ``(T, M, V, C)``, zero where a joint or a person is missing.

        Raises:
            ValueError: If it is empty, holds NaN, its label is negative, or it is to be turned
                and has no z.
        """
        if keypoint.shape[-1] == 2 and self._turned:
            raise ValueError(
                f'{item.name}: has only x and y, so the layout must have no spine and no shoulders'
            )
        if item.content['label'] < 0:
            raise ValueError(f'{item.name}: label {item.content["label"]}, expected >= 0')
        with np.errstate(over='ignore'):
            keypoint = keypoint.astype(np.float32).swapaxes(0, 1)
        if not np.isfinite(keypoint).all():
            raise ValueError(f'{item.name}: a coordinate is NaN or infinite')
        if keypoint.size:  # no frames may have any number of persons
            keypoint = np.ascontiguousarray(keypoint[keypoint.any(axis=(1, 2, 3))])
        if not keypoint.size:
            raise ValueError(f'{item.name}: no joint is ever non-zero')
        return {**item.content, 'keypoint': keypoint, 'total_frames': keypoint.shape[1]}

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Take the names of the splits as they are given; ``all`` where there are none."""
        splits: dict[str, list[str]] = {}
        for sample in annotations:
            splits.setdefault(sample.get('split', ALL), []).append(sample['frame_dir'])
        return dict(sorted(splits.items()))


@CONVERTERS.register_module('npz')
class NpzConverter(OwnConverter):
    """Data of your own with any joints, as one archive.

    It holds ``keypoint`` ``(sum of T, V, C)`` or ``(sum of T, M, V, C)``, one sequence after the
    other. C is 3 (metres) or 2 (in an image). Per sequence there are ``total_frames`` and ``label``
    (numbers or names), and perhaps ``frame_dir`` (names of the sequences), ``split`` and
    ``subject``. Where there are ``parents``, they must be those of the layout; -1 is a root.
    """

    def scan(self, source: Path) -> list[Item]:
        """Load the archive and cut it into sequences."""
        with open_archive(source) as archive:
            per_sequence = dict(self._per_sequence(archive))
            keypoint = self._keypoint(archive)
        frames = per_sequence.pop('total_frames')
        if (frames < 0).any() or sum(frames.tolist()) != len(keypoint):
            raise InputError(
                f'{source}: total_frames add up to {sum(frames.tolist())}, keypoint has '
                f'{len(keypoint)} frames'
            )
        columns = {key: value.tolist() for key, value in per_sequence.items()}
        columns['label'] = self.number([str(label) for label in columns['label']])
        columns.setdefault('frame_dir', [f'{index:06}' for index in range(len(frames))])
        columns['frame_dir'] = [str(name) for name in columns['frame_dir']]
        said = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        ends = np.cumsum(frames)
        return [
            Item(f'{source}: {sample["frame_dir"]}', (sample, keypoint[end - length : end]))
            for sample, end, length in zip(said, ends, frames, strict=True)
        ]

    def read(self, item: Item) -> dict[str, Any]:
        """Check one sequence."""
        said, keypoint = item.content
        return self.annotation(Item(item.name, said), keypoint)

    def _per_sequence(self, archive: Archive) -> Iterator[tuple[str, np.ndarray]]:
        """Load what there is per sequence, and check it."""
        kinds = dict(total_frames='iu', label='iuU', frame_dir='iuU', split='U', subject='iuU')
        shape = archive.header('total_frames')[0]
        for key, kind in kinds.items():
            if key not in archive and key not in ('total_frames', 'label'):
                continue
            found, dtype = archive.header(key)
            if found != shape or len(shape) != 1 or dtype.kind not in kind:
                expected = {'iu': 'integers', 'U': 'text'}.get(kind, 'integers or text')
                raise InputError(
                    f'{archive.path}: {key} must be {expected} of shape (N,) as total_frames, '
                    f'got {dtype} {found}'
                )
            yield key, archive.load(key)

    def _keypoint(self, archive: Archive) -> np.ndarray:
        """Load the joints ``(sum of T, M, V, C)``."""
        shape, dtype = archive.header('keypoint')
        joints = self.num_joints
        fits = len(shape) in (3, 4) and shape[-2] == joints and shape[-1] in (2, 3)
        if not fits or dtype.kind not in 'fiu':
            raise InputError(
                f'{archive.path}: keypoint must be numbers (sum of T, {joints}, 3 or 2) or '
                f'(sum of T, persons, {joints}, 3 or 2), got {dtype} {shape}'
            )
        if 'parents' in archive:
            parents = archive.load('parents')
            if parents.dtype.kind == 'i':
                roots = np.arange(parents.size).reshape(parents.shape)
                parents = np.where(parents < 0, roots, parents)
            if parents.tolist() != list(get_layout(self.layout).parents):
                raise InputError(f'{archive.path}: parents differ from those of the layout')
        keypoint = archive.load('keypoint')
        return keypoint[:, None] if keypoint.ndim == 3 else keypoint
