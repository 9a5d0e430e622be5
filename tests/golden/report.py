"""The largest errors of one recording, and their bounds."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch


def as_array(value: Any) -> np.ndarray:
    """Return a tensor, a list of tensors or an array as an array of float64."""
    if isinstance(value, (list, tuple)):
        return np.stack([as_array(x) for x in value]) if value else np.zeros(0)
    if isinstance(value, torch.Tensor):
        value = value.detach().double().cpu().numpy()
    return np.asarray(value, dtype=np.float64)


def absolute(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference."""
    return np.abs(found - expected).max(initial=0)


def absolute_or_relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference; for values above 1, it is the relative difference."""
    return (np.abs(found - expected) / np.maximum(np.abs(expected), 1.0)).max(initial=0)


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest relative difference of single values."""
    return (np.abs(found - expected) / np.maximum(np.abs(expected), 1e-12)).max(initial=0)


def different(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the number of values that differ."""
    return float((found != expected).sum())


MEASURES = {
    relative: (
        'relative',
        '|ours - theirs| / |theirs| of each value (1e-12 where |theirs| is less)',
    ),
    absolute: ('absolute', '|ours - theirs| of each value'),
    absolute_or_relative: ('mixed', '|ours - theirs| / max(1, |theirs|) of each value'),
    different: ('different', 'number of values that differ'),
}
"""Name of each measure in the table, and its explanation below the table."""


class Report:
    """Worst error by kind of quantity.

    Args:
        bounds (Mapping): Bound and measure of the error by kind.
        required (Iterable[str]): Kinds that must be compared. If one of them is not compared, its
            bound is broken. Other kinds are left out of the report if they are not compared.
    """

    def __init__(
        self, bounds: Mapping[str, tuple[float, Any]], required: Iterable[str] = ()
    ) -> None:
        self.bounds = bounds
        self.required = tuple(required)
        self.worst: dict[str, float] = {}
        self.where: dict[str, str] = {}
        self.compared: dict[str, int] = {}
        self.first: dict[str, float] = {}  # error of the first comparison of each kind

    def add(self, kind: str, name: str, found: Any, expected: Any) -> None:
        """Compare a quantity with the recorded one. If there is no value, the bound is broken.

        Args:
            kind (str): One of the kinds of the bounds.
            name (str): Name of the recorded array, for the report.
            found: Value of our code: a tensor, an array, or a list of them.
            expected: Recorded value of the authors' code.
        """
        found, expected = as_array(found), as_array(expected)
        error = float('inf')
        if found.shape == expected.shape and expected.size:
            error = float(self.bounds[kind][1](found, expected))
        if not np.isfinite(error):  # also true for NaN
            error = float('inf')
        self.compared[kind] = self.compared.get(kind, 0) + 1
        self.first.setdefault(kind, error)
        self._keep_worst(kind, name, error)

    def count(self, kind: str, name: str, found: int, expected: int) -> None:
        """Break the bound of a kind if the number of items differs from the recorded number.

        Equal numbers do not count as a comparison of a required kind.

        Args:
            kind (str): One of the kinds of the bounds.
            name (str): Name of the items, for the report.
            found (int): Their number in our code.
            expected (int): Their number in the authors' code.
        """
        if found != expected:
            self._keep_worst(kind, f'{name}: {found} instead of {expected}', float('inf'))

    def _keep_worst(self, kind: str, name: str, error: float) -> None:
        """Keep an error if it is the largest of its kind."""
        if error >= self.worst.get(kind, -1.0):
            self.worst[kind], self.where[kind] = error, name

    def _all(self) -> dict[str, tuple[float, str]]:
        """Return the largest error of each kind and its place, also for kinds not compared."""
        found = {kind: (error, self.where[kind]) for kind, error in self.worst.items()}
        missing = [kind for kind in self.required if not self.compared.get(kind)]
        return found | {
            kind: (float('inf'), self.where.get(kind, 'never compared')) for kind in missing
        }

    def broken(self) -> list[str]:
        """List the kinds with a broken bound, and the required kinds that were not compared."""
        return [kind for kind, (error, _) in self._all().items() if error > self.bounds[kind][0]]

    def lines(self, title: str) -> list[str]:
        """Return one line for each kind."""
        broken, lines = self.broken(), []
        for kind, (error, where) in self._all().items():
            bound, measure = self.bounds[kind]
            state = 'BROKEN' if kind in broken else 'ok'
            lines.append(
                f'{title:14} {kind:15} {error:10.3g} {bound:8.0e} {MEASURES[measure][0]:9} '
                f'{state:7} {self.compared.get(kind, 0):6} {where if error else ""}'.rstrip()
            )
        return lines


HEADING = (
    f'{"recording":14} {"kind":15} {"error":>10} {"bound":>8} {"measure":9} {"":7} '
    f'{"arrays":>6} worst at'
)
LEGEND = 'The error is the worst of all arrays of a kind. It is measured as\n' + '\n'.join(
    f'  {name:9} {text}' for name, text in MEASURES.values()
)
