"""Which differences between methods exceed the spread of the seeds and of the test sequences.

Two methods are compared on the same test sequences and with the same seeds. The difference of each
seed and sequence is 1, 0 or -1: only the first method is right, both or none, only the second. The
mean of this table is the difference of the accuracies. Seeds and sequences are both samples, so the
variance of the mean is the sum of two parts: the variance of the means of the seeds over their
number, and the same of the sequences. This sum is never too small (Owen, "The pigeonhole
bootstrap", 2007). The test is Student's, with the degrees of freedom of Welch and Satterthwaite. If
several methods are compared with one, their p-values are corrected by Holm's procedure.

The sequences of one performer resemble each other, which the test does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from mmcmd.errors import InputError
from mmcmd.reproduction.paper import Cell, Table
from mmcmd.reproduction.runs import Reproduction

LEVEL = 0.05
"""A p-value below it counts as a difference."""


@dataclass(frozen=True)
class Difference:
    """The difference between two methods.

    Attributes:
        points (float): Accuracy of the first method minus that of the second, in percent.
        seeds (int): Seeds that both were run with.
        p (float): Probability of such a difference if there is none; corrected, see :func:`holm`.
    """

    points: float
    seeds: int
    p: float

    def __str__(self) -> str:
        mark = ' *' if self.p < LEVEL else ''
        return f'{self.points:+.1f} ({self.p:.3f}){mark}'


def difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """Compare two methods by their right and wrong predictions.

    With one seed, nothing is known about the spread of the seeds, and the test is one of the
    sequences alone.

    Args:
        first (ndarray): Whether each prediction is right, shape (S, N) of S seeds and N sequences.
        second (ndarray): The same of the other method.
    """
    table = first.astype(float) - second
    parts, degrees = [], []
    for means in (table.mean(axis=1), table.mean(axis=0)):
        if len(means) > 1:
            parts.append(means.var(ddof=1) / len(means))
            degrees.append(len(means) - 1)
    variance = sum(parts)
    if variance == 0:  # all predictions are equally right, or one method is right in all
        p = float(table.mean() == 0)
    else:
        freedom = variance**2 / sum(x**2 / n for x, n in zip(parts, degrees, strict=True))
        p = 2 * stats.t.sf(abs(table.mean()) / variance**0.5, freedom)
    return Difference(100 * table.mean(), len(table), float(p))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number, so that any false finding has the probability of one."""
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind='stable')):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = worst
    return corrected


def differences(
    reproduction: Reproduction, table: Table, reference: str
) -> dict[str, list[Difference | None]]:
    """Compare each method of a table with one of them.

    Args:
        reproduction (Reproduction): Its finished runs are compared.
        table (Table): The table.
        reference (str): Name of a method. A cell is compared with the number of this method in the
            same protocol, stream and encoder.

    Returns:
        dict: Label of a row to its differences; None where there is no run to compare. P-values are
        corrected for the comparisons in one protocol and stream.

    Raises:
        InputError: If the two runs were not tested on the same sequences.
    """
    found: dict[tuple[str, str], dict[Cell, Difference]] = {}
    for cell in table.cells:
        if cell.method != reference:
            one = _compare(reproduction, cell, replace(cell, method=reference))
            if one:
                found.setdefault((cell.protocol, cell.stream), {})[cell_key(cell)] = one
    corrected = {}
    for group in found.values():
        p_values = holm([one.p for one in group.values()])
        corrected |= {
            key: replace(one, p=p) for (key, one), p in zip(group.items(), p_values, strict=True)
        }
    return {
        label: [cell and corrected.get(cell_key(cell)) for cell in row]
        for label, row in table.rows.items()
    }


def cell_key(cell: Cell) -> tuple[str | None, str, str, str | None]:
    """Return what names the runs of a cell."""
    return cell.method, cell.protocol, cell.stream, cell.encoder


def _compare(reproduction: Reproduction, cell: Cell, other: Cell) -> Difference | None:
    first, second = (reproduction.predictions(x) for x in (cell, other))
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    labels = [first[seed][1] for seed in seeds] + [second[seed][1] for seed in seeds]
    if any(not np.array_equal(x, labels[0]) for x in labels):
        raise InputError(
            f'{cell.method} and {other.method} were tested on other sequences; run both on one '
            'annotation file again'
        )
    right = [
        np.stack([predicted[seed][0] == labels[0] for seed in seeds])
        for predicted in (first, second)
    ]
    return difference(*right)
