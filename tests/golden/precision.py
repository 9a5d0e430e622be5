"""Number formats of a run, and the bounds of its errors in each format."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.precision import PRECISIONS as ARITHMETIC
from benchmarks.precision import Precision as Arithmetic


@dataclass(frozen=True)
class Precision:
    """A number format, a device and bounds.

    A rounding error can switch a unit of a ReLU on or off, or change the set of nearest keys. Then
    later steps differ by more than the rounding errors. So the first step has its own bound.

    Attributes:
        arithmetic (Arithmetic): Rounding of products.
        dtype (torch.dtype): Type of weights and inputs.
        losses (float, optional): Bound of the relative errors of the losses of all steps. Other
            kinds then have no bound. Defaults to None, which uses the bounds of each method.
        first (float): Bound of the losses and queues of the first step.
        device (str): Device of the run.
    """

    arithmetic: Arithmetic = ARITHMETIC['float32']
    dtype: torch.dtype = torch.float32
    losses: float | None = None
    first: float = 0.0
    device: str = 'cpu'

    @contextmanager
    def switched_on(self) -> Iterator[None]:
        """Multiply in this format."""
        with self.arithmetic.rounding(), self.arithmetic.casting(self.device, cache=False):
            yield

    def bounds_of(self, own: Mapping[str, tuple[float, Any]]) -> dict[str, tuple[float, Any]]:
        """Return bound and measure of each kind, from those of a method in float64."""
        if self.losses is None:
            return dict(own)
        return {
            kind: (self.losses if kind == 'losses' else float('inf'), measure)
            for kind, (_, measure) in own.items()
        }


PRECISIONS = {
    'float64': Precision(dtype=torch.float64),
    'float32': Precision(losses=5e-3, first=1e-4),  # AimCLR: 1.2e-3 on a CPU without AVX-512
    'tf32': Precision(ARITHMETIC['tf32'], losses=1e-1, first=1e-2),
    'float16': Precision(ARITHMETIC['float16'], losses=1e-1, first=1e-2),
    'bfloat16': Precision(ARITHMETIC['bfloat16'], losses=2e-1, first=1e-1),
}
"""Formats by name. On a CPU, the errors are at most a third of the bounds. The recordings were made
in float32 or float64."""
