"""Leave-one-subject-out evaluation: the runs of a table for each subject, and the mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.apis import load_config
from mmcmd.datasets.annotations.held_out import sort_values
from mmcmd.datasets.annotations.parts import find_groups
from mmcmd.datasets.annotations.store import open_annotations
from mmcmd.errors import InputError
from mmcmd.reproduction.paper import UNTRAINED, Table
from mmcmd.reproduction.run import Run
from mmcmd.reproduction.runs import Reproduction


@dataclass
class LeaveOneOut:
    """The runs of one data set, once for each subject.

    A run trains on all sequences of the file except those of the subject. It is tested on the
    sequences of the subject.

    Attributes:
        parts (Mapping[str, Reproduction]): Maps each subject to its runs.
    """

    parts: Mapping[str, Reproduction]

    @property
    def data(self) -> str:
        """Data set and split, a name in ``configs/_base_/datasets``."""
        return self._first.data

    @property
    def root(self) -> Path:
        """Folder that contains the folders of all subjects."""
        return self._first.root.parent

    @property
    def note(self) -> str:
        """Note for the report."""
        return (
            f'Leave one subject out: each number is the mean over the subjects '
            f'{", ".join(self.parts)}. For each subject, the model was trained on all other '
            'subjects and tested on this subject. The standard deviation is over subjects and '
            'seeds.\n'
        )

    @property
    def _first(self) -> Reproduction:
        return next(iter(self.parts.values()))

    def runs(self, table: Table) -> list[Run]:
        """List the runs of a table, subject by subject, see :meth:`Reproduction.runs`."""
        return [run for part in self.parts.values() for run in part.runs(table)]

    def records(self, table: Table) -> dict[str, list[dict[str, Any] | None]]:
        """Read the results of finished runs, see :meth:`Reproduction.records`.

        If the run of a subject is missing, the number has no runs, because the mean over only some
        subjects is not comparable.
        """
        found = [part.records(table) for part in self.parts.values()]
        return {
            label: [
                self._merge([part[label][index] for part in found]) for index in range(len(row))
            ]
            for label, row in table.rows.items()
        }

    def _merge(self, records: list[dict[str, Any] | None]) -> dict[str, Any] | None:
        if records[0] is None:
            return None
        merged = {**records[0], 'paper': None, 'source': None, 'runs': []}
        if all(record['runs'] for record in records):
            merged['runs'] = [
                run | dict(seed=f'{run["seed"]}, without {subject}')
                for subject, record in zip(self.parts, records, strict=True)
                for run in record['runs']
            ]
        return merged


def subjects_of(data: str, ann_file: Path | None = None) -> list[str]:
    """List the subjects of a data set.

    Args:
        data (str): Data set and split, a name in ``configs/_base_/datasets``.
        ann_file (Path, optional): Annotation pickle. Defaults to that of the data set.

    Raises:
        InputError: If the samples have no subjects, or there is only one subject.
    """
    annotations = open_annotations(ann_file or load_config(UNTRAINED, data=data).data.ann_file)
    _, groups = find_groups(annotations, np.arange(len(annotations)), 'subject')
    subjects = [str(subject) for subject in sort_values(groups)]
    if len(subjects) < 2:
        raise InputError(
            f'{annotations.path}: leave-one-subject-out needs at least two subjects, but there is '
            f'only {subjects[0]}'
        )
    return subjects


def folder_of(subject: str) -> str:
    """Return the name of the folder for the runs that leave out a subject."""
    return f'without-{re.sub(r"[^A-Za-z0-9_-]", "_", subject)}'
