"""The worst errors of one recording, and the bounds that they must keep."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def as_array(value: Any) -> np.ndarray:
    """Return a tensor, a list of tensors or an array as an array of float64."""
    if isinstance(value, (list, tuple)):
        return np.stack([as_array(x) for x in value])
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    return np.asarray(value, dtype=np.float64)


def relative_to_largest(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference over the largest value."""
    largest = np.abs(expected).max(initial=0)
    return absolute(found, expected) / (largest or 1.0)


def absolute(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference."""
    return np.abs(found - expected).max(initial=0)


def absolute_or_relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, over the largest value if that is above 1."""
    return absolute(found, expected) / max(1.0, np.abs(expected).max(initial=0))


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest relative difference of single values."""
    return (np.abs(found - expected) / np.maximum(np.abs(expected), 1e-12)).max(initial=0)


def different(found: np.ndarray, expected: np.ndarray) -> float:
    """Return how many values differ."""
    return float((found != expected).sum())


class Report:
    """Worst error by kind of quantity.

    Args:
        bounds (Mapping): Kind to a bound and a measure of the error. A kind of these that is
            never compared is absent from the report.
    """

    def __init__(self, bounds: Mapping[str, tuple[float, Any]]) -> None:
        self.bounds = bounds
        self.worst: dict[str, float] = {}
        self.where: dict[str, str] = {}
        self.compared: dict[str, int] = {}

    def add(self, kind: str, name: str, found: Any, expected: Any) -> None:
        """Compare a quantity with what is recorded.

        Args:
            kind (str): One of the kinds of the bounds.
            name (str): Name of the recorded array, for the report.
            found: Ours: a tensor, an array, or a list of them.
            expected: The same of the authors' code.
        """
        found, expected = as_array(found), as_array(expected)
        error = float('inf')
        if found.shape == expected.shape:
            error = float(self.bounds[kind][1](found, expected))
        if not np.isfinite(error):  # also of NaN, which is larger than no number
            error = float('inf')
        self.compared[kind] = self.compared.get(kind, 0) + 1
        if error >= self.worst.get(kind, -1.0):
            self.worst[kind], self.where[kind] = error, name

    def broken(self) -> list[str]:
        """List the kinds whose bound is broken."""
        return [kind for kind, error in self.worst.items() if error > self.bounds[kind][0]]

    def lines(self, title: str) -> list[str]:
        """Return one line for each kind."""
        broken = self.broken()
        return [
            f'{title:14} {kind:15} {error:10.3g} {self.bounds[kind][0]:8.0e} '
            f'{"BROKEN" if kind in broken else "ok":7} {self.compared[kind]:4} '
            f'{self.where[kind] if error else ""}'.rstrip()
            for kind, error in self.worst.items()
        ]


HEADING = f'{"recording":14} {"kind":15} {"error":>10} {"bound":>8} {"":7} {"":>4} worst at'
