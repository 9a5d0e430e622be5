"""Base classes of the formats for your own data; see docs/bring_your_own_data.md."""

import logging
import os
import re
from abc import ABC
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.converters.confidence import ThirdNumber
from mmcmd.datasets.converters.label_table import LABELS, read_labels
from mmcmd.datasets.converters.options import read_layout
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout

ALL = 'all'  # the split of samples without a split
_ENDINGS = '.npy', '.csv', '.bvh'  # a name in a table may have the ending of its file


class OwnConverter(Converter, ABC):
    """Sequences with your own labels, splits and subjects, or without labels.

    A sample has a name, and perhaps a label (a class number from 0, or a class name), a split and a
    subject. If at least one label is not a number, all labels are names of classes. The classes are
    numbered in sorted order, and the pickle holds the names as ``classes``.

    Args:
        labels (str or PathLike, optional): Table of labels, see :func:`read_labels`. Its entries
            replace those of the source.

    Raises:
        InputError: If there is no such table.
    """

    counted = ('label', 'subject')

    def __init__(self, labels: str | os.PathLike | None = None) -> None:
        self.table_path = Path(labels) if labels is not None else None
        self.table = read_labels(self.table_path) if self.table_path else {}
        self.classes: list[str] | None = None

    def facts(self) -> dict[str, Any]:
        """Add the names of the classes, if they have names."""
        return super().facts() | ({'classes': self.classes} if self.classes else {})

    def label_files(self, source: Path, paths: Sequence[Path]) -> list[Item]:
        """Return an item for each file of a folder. Its content is the path and the sample.

        A sample has a name, and perhaps a label, a split and a subject. The table of labels says
        them, or else ``labels.csv`` in the folder. If no table gives labels, the label of a file in
        a subfolder is the name of its folder.

        Args:
            source (Path): The folder.
            paths (Sequence[Path]): The files. Each is a sequence.
        """
        twice = max(Counter(path.stem for path in paths).values()) > 1
        names = [
            '_'.join(path.relative_to(source).with_suffix('').parts) if twice else path.stem
            for path in paths
        ]
        samples: list[dict[str, Any]] = [{'frame_dir': name} for name in names]
        if self.table_path is None and (source / LABELS).is_file():
            self.table_path = source / LABELS
            self.table = read_labels(self.table_path)
        are_classes = not any('label' in said for said in self.table.values())
        for sample, path in zip(samples, paths, strict=True):
            if are_classes and path.parent != source:
                sample['label'] = path.parent.name
        self.consult_table(samples)
        self.number_labels(samples, are_names=are_classes)
        pairs = zip(paths, samples, strict=True)
        return [Item(str(path), (path, sample)) for path, sample in pairs]

    def consult_table(self, samples: list[dict[str, Any]]) -> None:
        """Add the entries of the table to the samples, in place.

        Args:
            samples (list[dict]): Each has a ``frame_dir``.

        Raises:
            InputError: If there is a table, and it names none of them.
        """
        if self.table_path is None:
            return
        names = {sample['frame_dir'] for sample in samples}
        table = {_known(name, names): said for name, said in self.table.items()}
        if len(table) < len(self.table):
            raise InputError(
                f'{self.table_path} names a sequence twice, with and without an ending'
            )
        if not names & table.keys():
            raise InputError(
                f'{self.table_path} names none of the {len(names)} sequences: a sequence has the '
                f'name {min(names, default="?")!r}, but the first name of the table is '
                f'{min(table, default="?")!r}'
            )
        if absent := table.keys() - names:
            print_log(
                f'{self.table_path}: names without a sequence: {len(absent)}, such as '
                f'{min(absent)}',
                'current',
                logging.WARNING,
            )
        for sample in samples:
            sample.update(table.get(sample['frame_dir'], {}))

    def number_labels(self, samples: list[dict[str, Any]], are_names: bool = False) -> None:
        """Turn the labels of samples into class numbers, in place, and store the class names.

        Args:
            samples (list[dict]): A sample has no label if its ``label`` is missing, empty or -1.
            are_names (bool): Labels are names of classes, even if all are numbers. Defaults to
                False.
        """
        labels = [str(sample.get('label', '')) for sample in samples]
        named = sorted({label for label in labels if label})
        if not are_names and all(re.fullmatch(r'-?[0-9]{1,9}', label) for label in named):
            numbers = {label: int(label) for label in named}
        else:
            numbers = {label: number for number, label in enumerate(named)}
            self.classes = named
        for sample, label in zip(samples, labels, strict=True):
            sample['label'] = numbers.get(label, UNLABELLED)
        without = sum(sample['label'] == UNLABELLED for sample in samples)
        if without:
            print_log(
                f'{without} of {len(samples)} sequences have no label: a pre-training uses them, '
                'an evaluation does not',
                'current',
                logging.WARNING,
            )

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the given splits. A sample without a split is in the split ``all``.

        If no sample has a split or a label, the split ``all_train`` is added for configs with
        ``all`` as their split.
        """
        splits: dict[str, list[str]] = {}
        for sample in annotations:
            splits.setdefault(sample.get('split', ALL), []).append(sample['frame_dir'])
        if splits.keys() == {ALL} and all(x['label'] == UNLABELLED for x in annotations):
            splits[f'{ALL}_train'] = splits[ALL]
        return dict(sorted(splits.items()))


class JointsConverter(OwnConverter, ABC):
    """Your own sequences as positions of joints.

    Args:
        layout (str or PathLike): Name of a joint layout, or a JSON file of its fields.
        labels (str or PathLike, optional): Table of labels.
        dimensions (int, optional): See :class:`ThirdNumber`.
        confidence (float, optional): See :class:`ThirdNumber`.

    Raises:
        InputError: If the layout is missing or does not exist, or an option has a wrong value.
    """

    def __init__(
        self,
        layout: str | os.PathLike | None = None,
        labels: str | os.PathLike | None = None,
        dimensions: int | None = None,
        confidence: float | None = None,
    ) -> None:
        super().__init__(labels)
        if layout is None:
            raise InputError(
                'say which joints these are: --layout NAME, or --layout FILE.json with '
                'the name, joints, parents, centre, spine and shoulders'
            )
        self.third = ThirdNumber(dimensions, confidence)
        self.layout = read_layout(layout)
        layout = get_layout(self.layout)
        self.num_joints, self._turned = layout.num_joints, layout.spine is not None

    def annotation(
        self, item: Item, keypoint: np.ndarray, scores: np.ndarray | None = None
    ) -> dict[str, Any]:
        """Check a sequence and make an annotation of it.

        Args:
            item (Item): The content of the item is a dict, which is added to the annotation.
            keypoint (np.ndarray): ``(T, M, V, C)``, zero where a joint or a person is missing. If C
                is 3, the third number may be a confidence.
            scores (np.ndarray, optional): Confidences ``(T, M, V)``, if they are a separate array.

        Raises:
            ValueError: If the sequence is empty or holds NaN, its label is negative, or the layout
                turns bodies and there is no z.
        """
        if item.content['label'] < UNLABELLED:
            raise ValueError(f'{item.name}: label {item.content["label"]}, expected >= 0')
        with np.errstate(over='ignore'):
            keypoint = keypoint.astype(np.float32).swapaxes(0, 1)
        if not np.isfinite(keypoint).all():
            raise ValueError(f'{item.name}: a coordinate is NaN or infinite')
        keypoint, found = self.third.take(keypoint, self._turned, item.name)
        if scores is not None:
            scores = scores.astype(np.float32).swapaxes(0, 1)
            keypoint = np.where(scores[..., None] > self.third.threshold, keypoint, np.float32(0))
        else:
            scores = found
        # A sequence without frames may have any number of persons, so this check comes first.
        if not keypoint.size or not keypoint.any():
            raise ValueError(f'{item.name}: no joint is ever non-zero')
        present = keypoint.any(axis=(1, 2, 3))
        keypoint = np.ascontiguousarray(keypoint[present])
        more = {} if scores is None else {'keypoint_score': np.ascontiguousarray(scores[present])}
        return {**item.content, **more, 'keypoint': keypoint, 'total_frames': keypoint.shape[1]}


def _known(name: str, names: Collection[str]) -> str:
    """Return a name without the ending of its file, if the name with the ending is no sequence."""
    path = Path(name)
    without = path.stem if path.suffix.lower() in _ENDINGS else name
    return without if name not in names and without in names else name
