"""What the formats for data of one's own share; see docs/bring_your_own_data.md."""

import logging
import os
import re
from abc import ABC
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.converters.confidence import ThirdNumber
from mmcmd.datasets.converters.label_table import read_labels
from mmcmd.datasets.converters.options import read_layout
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout

ALL = 'all'  # the split of samples that say none


class OwnConverter(Converter, ABC):
    """Sequences with labels, splits and subjects of one's own, or without labels.

    A sample tells its name, and perhaps its label (a class number from 0, or a class name), split
    and subject. Where not all labels are numbers, the sorted names become the numbers, and the
    pickle holds them as ``classes``.

    Args:
        labels (str or PathLike, optional): Table of labels, see :func:`read_labels`. What it says
            of a sequence replaces what the source says.

    Raises:
        InputError: If there is no such table.
    """

    counted = ('label', 'subject')

    def __init__(self, labels: str | os.PathLike | None = None) -> None:
        self.table_path = Path(labels) if labels is not None else None
        self.table = read_labels(self.table_path) if self.table_path else {}
        self.classes: list[str] | None = None

    def facts(self) -> dict[str, Any]:
        """Add the names of the classes, where they have some."""
        return super().facts() | ({'classes': self.classes} if self.classes else {})

    def consult_table(self, samples: list[dict[str, Any]]) -> None:
        """Give samples what the table says of them, in place.

        Args:
            samples (list[dict]): Each has a ``frame_dir``.

        Raises:
            InputError: If there is a table, and it names none of them.
        """
        if self.table_path is None:
            return
        names = {sample['frame_dir'] for sample in samples}
        if not names & self.table.keys():
            raise InputError(
                f'{self.table_path} names none of the {len(names)} sequences, which are called '
                f'{min(names, default="?")} and so on'
            )
        if absent := self.table.keys() - names:
            print_log(
                f'{self.table_path}: {len(absent)} names have no sequence, such as {min(absent)}',
                'current',
                logging.WARNING,
            )
        for sample in samples:
            sample.update(self.table.get(sample['frame_dir'], {}))

    def number_labels(self, samples: list[dict[str, Any]]) -> None:
        """Turn the labels of samples into class numbers, in place; their names are kept.

        Args:
            samples (list[dict]): A ``label`` that is not there or empty, or the number -1, means
                that there is none.
        """
        labels = [str(sample.get('label', '')) for sample in samples]
        named = sorted({label for label in labels if label})
        if all(re.fullmatch(r'-?[0-9]{1,9}', label) for label in named):
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
        """Take the names of the splits as they are given; ``all`` where there are none.

        If there is neither a split nor a label, there is also ``all_train``, for a config whose
        split is ``all``.
        """
        splits: dict[str, list[str]] = {}
        for sample in annotations:
            splits.setdefault(sample.get('split', ALL), []).append(sample['frame_dir'])
        if splits.keys() == {ALL} and all(x['label'] == UNLABELLED for x in annotations):
            splits[f'{ALL}_train'] = splits[ALL]
        return dict(sorted(splits.items()))


class JointsConverter(OwnConverter, ABC):
    """Sequences of one's own as positions of joints.

    Args:
        layout (str or PathLike): Name of a joint layout, or a JSON file of its fields.
        labels (str or PathLike, optional): Table of labels.
        dimensions (int, optional): See :class:`ThirdNumber`.
        confidence (float, optional): The same.

    Raises:
        InputError: If there is no such layout, or none is given, or an option makes no sense.
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
            item (Item): Its content is a dict that goes into the annotation.
            keypoint (np.ndarray): ``(T, M, V, C)``, zero where a joint or a person is missing. Of
                three numbers the third may be a confidence.
            scores (np.ndarray, optional): Confidences ``(T, M, V)``, if they stand apart.

        Raises:
            ValueError: If it is empty, holds NaN, its label is negative, or it is to be turned
                and has no z.
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
        # A sequence of no frames may claim any number of persons.
        if not keypoint.size or not keypoint.any():
            raise ValueError(f'{item.name}: no joint is ever non-zero')
        present = keypoint.any(axis=(1, 2, 3))
        keypoint = np.ascontiguousarray(keypoint[present])
        more = {} if scores is None else {'keypoint_score': np.ascontiguousarray(scores[present])}
        return {**item.content, **more, 'keypoint': keypoint, 'total_frames': keypoint.shape[1]}
