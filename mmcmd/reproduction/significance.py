"""Test whether differences between methods exceed the spread of seeds and test sequences.

Two methods are compared on the same test sequences and with the same seeds. For each seed and
sequence, the difference is 1 if only the first method is right, -1 if only the second is right, and
0 otherwise. The mean of these differences is the difference of the accuracies. Seeds and sequences
are both random samples. The variance of the mean is therefore the sum of two terms: the variance of
the means per seed divided by the number of seeds, and the variance of the means per sequence
divided by the number of sequences. This sum does not underestimate the variance (Owen, "The
pigeonhole bootstrap", 2007). The test is Student's t-test with the degrees of freedom of Welch and
Satterthwaite. If several methods are compared with one, Holm's procedure corrects their p-values.

The test assumes independent sequences, although the sequences of one performer are similar.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from mmcmd.errors import InputError
from mmcmd.reproduction.paper import Cell, Table
from mmcmd.reproduction.runs import Reproduction

LEVEL = 0.05
"""A difference with a p-value below this level is marked as significant."""


@dataclass(frozen=True)
class Difference:
    """The difference between two methods.

    Attributes:
        points (float): Accuracy of the first method minus that of the second, in percent.
        seeds (int): Number of seeds with which both methods were run.
        p (float): Probability of a difference of this size or more if the methods are equal. It is
            corrected, see :func:`holm`.
    """

    points: float
    seeds: int
    p: float

    def __str__(self) -> str:
        mark = ' *' if self.p < LEVEL else ''
        return f'{self.points:+.1f} ({self.p:.3f}){mark}'


def difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """Compare the correct and wrong predictions of two methods.

    With one seed, the spread of the seeds is unknown, and the test uses only the sequences.

    Args:
        first (ndarray): Whether each prediction is correct, shape (S, N) for S seeds and N
            sequences.
        second (ndarray): The same for the other method.
    """
    table = first.astype(float) - second
    parts, degrees = [], []
    for means in (table.mean(axis=1), table.mean(axis=0)):
        if len(means) > 1:
            parts.append(means.var(ddof=1) / len(means))
            degrees.append(len(means) - 1)
    variance = sum(parts)
    if variance == 0:  # the means do not vary over seeds or sequences
        p = float(table.mean() == 0)
    else:
        freedom = variance**2 / sum(x**2 / n for x, n in zip(parts, degrees, strict=True))
        p = 2 * stats.t.sf(abs(table.mean()) / variance**0.5, freedom)
    return Difference(100 * table.mean(), len(table), float(p))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for several tests. The error level then holds for all tests together."""
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind='stable')):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = worst
    return corrected


def differences(
    reproduction: Reproduction, table: Table, reference: str
) -> dict[str, list[Difference | None]]:
    """Compare each method of a table with a reference method.

    Args:
        reproduction (Reproduction): A reproduction. Its finished runs are compared.
        table (Table): The table.
        reference (str): Name of the reference method. A cell is compared with the number of this
            method with the same protocol, stream and encoder.

    Returns:
        dict: Maps the label of a row to its differences, which are None where there is no run to
        compare. P-values are corrected for the comparisons with the same protocol and stream.

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
    """Return the fields of a cell that identify its runs."""
    return cell.method, cell.protocol, cell.stream, cell.encoder


def _compare(reproduction: Reproduction, cell: Cell, other: Cell) -> Difference | None:
    first, second = (reproduction.predictions(x) for x in (cell, other))
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    labels = [first[seed][1] for seed in seeds] + [second[seed][1] for seed in seeds]
    if any(not np.array_equal(x, labels[0]) for x in labels):
        raise InputError(
            f'{cell.method} and {other.method} were tested on different sequences; run both '
            'again with the same annotation file'
        )
    right = [
        np.stack([predicted[seed][0] == labels[0] for seed in seeds])
        for predicted in (first, second)
    ]
    return difference(*right)
