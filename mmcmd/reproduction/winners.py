"""Find the columns in which a row without pre-training is better than some methods."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmcmd.reproduction.paper import Table

MARK = ' ↓'
"""Mark after a number that is below the best row without pre-training."""


@dataclass(frozen=True)
class Winner:
    """The best row without pre-training in a column, compared with the methods.

    Attributes:
        label (str): Label of the row.
        value (float): Mean of the row over the seeds, in percent.
        below (tuple[str, ...]): Labels of the methods whose mean is lower.
        others (int): Number of the other methods.
    """

    label: str
    value: float
    below: tuple[str, ...]
    others: int

    def __str__(self) -> str:
        best = f'{self.label} ({self.value:.1f})'
        if not self.below:
            return f'no method with pre-training is below {best}'
        if not self.others:
            return f'**{best} is above all methods with pre-training**'
        count = len(self.below)
        return f'{best} is above {count} of {count + self.others}: {", ".join(self.below)}'


def mean(record: Mapping[str, Any] | None) -> float | None:
    """Return the mean of a number over the seeds, in percent, or None if it was not run."""
    values = [run['last'] for run in record['runs']] if record else []
    return statistics.mean(values) if values else None


def winners(
    table: Table, records: Mapping[str, Sequence[Mapping[str, Any] | None]]
) -> dict[int, Winner]:
    """Find the best row without pre-training for each index of a column.

    A column is omitted if no such row or no method with pre-training was run.

    Args:
        table (Table): Its ``baselines`` are the labels of the rows without pre-training.
        records (Mapping): Result of :meth:`mmcmd.reproduction.runs.Reproduction.records`.
    """
    found = {}
    for index in range(len(table.columns)):
        values = {label: mean(row[index]) for label, row in records.items()}
        values = {label: value for label, value in values.items() if value is not None}
        rivals = {label: x for label, x in values.items() if label in table.baselines}
        methods = {label: x for label, x in values.items() if label not in table.baselines}
        if rivals and methods:
            best = max(rivals, key=rivals.__getitem__)
            below = tuple(label for label, x in methods.items() if x < rivals[best])
            found[index] = Winner(best, rivals[best], below, len(methods) - len(below))
    return found
