"""The device of a case, and how its times and memory are measured."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.harness import in_turns
from benchmarks.precision import Precision

GB = 1e9
SECONDS = 6
"""Approximate seconds of all rounds of a case together."""


@dataclass(frozen=True)
class Place:
    """A device, and whether sizes are small.

    Attributes:
        device (str): ``cuda`` or ``cpu``.
        short (bool): Use small sizes. They show that everything runs, but not how fast.
    """

    device: str
    short: bool

    def clock(self) -> float:
        """Return the time in seconds, after the device has finished all its work."""
        if self.device == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter()

    def in_turns(self, **sides: Callable[[], Any]) -> dict[str, list[float]]:
        """Time functions in turns, for :data:`SECONDS` in total.

        A short function is called several times before the clock is read. So the host need not wait
        for the device after each call, as in a training.

        Args:
            **sides (Callable): Functions to time, by name.

        Returns:
            dict[str, list[float]]: Seconds of a call of each side, one value a round.
        """
        first = in_turns(1, self.clock, **sides)
        if self.short:
            return first
        whole = sum(taken[0] for taken in first.values())
        calls = max(1, min(5, int(0.5 / whole)))
        rounds = max(2, min(7, int(SECONDS / (calls * whole))))
        repeated = {name: partial(repeat, function, calls) for name, function in sides.items()}
        times = in_turns(rounds, self.clock, **repeated)
        return {name: [x / calls for x in taken] for name, taken in times.items()}

    def peak(self, function: Callable[[], Any]) -> dict[str, float]:
        """Call a function and return ``peak (GB)`` of all memory in use; empty on a CPU."""
        if self.device != 'cuda':
            return {}
        torch.cuda.reset_peak_memory_stats()
        function()
        torch.cuda.synchronize()
        return {'peak (GB)': torch.cuda.max_memory_allocated() / GB}

    def product(self, precision: Precision) -> tuple[Callable[[], Tensor], float]:
        """Return a function that multiplies square matrices in a number format, and its TFLOP."""
        side = 128 if self.short else 8192
        dtype = precision.autocast or torch.float32
        left, right = torch.randn(2, side, side, device=self.device).to(dtype)
        return partial(torch.mm, left, right), 2e-12 * side**3


def repeat(function: Callable[[], Any], calls: int) -> None:
    """Call a function several times."""
    for _ in range(calls):
        function()
