"""The recordings of one source: a list, or an annotation pickle that is read step by step."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.datasets.annotations.store import open_annotations
from mmcmd.errors import InputError
from mmcmd.inference.recordings import Recording
from mmcmd.skeletons import Layout, get_layout


class RecordingList(list[Recording]):
    """The recordings of a source that was read completely.

    Args:
        recordings (Iterable[Recording]): The recordings.
        classes (Sequence[str]): Names of the classes, if the source has some.
    """

    def __init__(self, recordings: Iterable[Recording], classes: Sequence[str] = ()) -> None:
        super().__init__(recordings)
        self.classes = [str(name) for name in classes]


class PickleRecordings(Sequence[Recording]):
    """The recordings of an annotation pickle, read one by one.

    Args:
        path (str or PathLike): The pickle.
        split (str, optional): Name of a split in the file. Defaults to all recordings.
        layout (str | Mapping | Layout, optional): Joint layout, if the file does not store it.

    Attributes:
        layout (Layout | None): Joint layout; None if neither the file nor the caller names it.
        classes (list[str]): Names of the classes; empty if the file has none.

    Raises:
        InputError: If the file cannot be read or lacks the split, or its layout differs from
            ``layout``.
    """

    def __init__(
        self, path: str | os.PathLike, split: str | None = None, layout: Any = None
    ) -> None:
        self.annotations = open_annotations(path)
        self.rows = self.annotations.select(split)
        facts = self.annotations.facts
        told = get_layout(facts['layout'], files=False) if facts.get('layout') else None
        given = None if layout is None else get_layout(layout)
        if told and given and (difference := told.difference(given)):
            raise InputError(
                f'{path} has joints of layout {told.name!r}, and not {given.name!r}: they differ '
                f'in {difference}; remove `layout`'
            )
        self.layout = told or given
        self.classes = [str(name) for name in facts.get('classes') or ()]
        self._normalized = bool(facts.get('normalized'))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Recording:
        sample = self.annotations[self.rows[index]]
        return to_recording(sample, self.layout, self._normalized)

    @property
    def names(self) -> list[str]:
        """Names of the recordings, in their order."""
        return [self.annotations.name(row) for row in self.rows]

    @property
    def labels(self) -> list[int]:
        """Classes of the recordings, or -1 for a recording without a class."""
        return self.annotations.labels[self.rows].tolist()


def to_recording(sample: dict[str, Any], layout: Layout | None, normalized: bool) -> Recording:
    """Make a recording from an annotation.

    Args:
        sample (dict): ``frame_dir``, ``keypoint`` of shape (M, T, V, C), and optionally ``label``
            and other fields.
        layout (Layout, optional): Its joint layout.
        normalized (bool): The coordinates are already pre-normalised.
    """
    fields = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in sample.items()
        if key not in ('frame_dir', 'label', 'total_frames')
        and isinstance(value, (str, int, float, bool, np.generic))
    }
    label = int(sample.get('label', UNLABELLED))
    return Recording(sample['keypoint'], sample['frame_dir'], layout, label, normalized, fields)
