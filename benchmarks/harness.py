"""Parts that all stages share: timing in turns, agreement and figures."""

import gc
import math
import operator
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_COMPARISONS = {'>=': operator.ge, '<=': operator.le}


class Disagreement(Exception):
    """Two implementations that are compared give different results."""


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        stage (str): Such as ``encoder``.
        case (str): What was run, with its sizes.
        value (float): The figure: of times in turns, the median of their ratios.
        unit (str): ``x`` of a ratio (the other's time over ours), ``%``, ``s``, ``MB``, ...
        goal (str): ``'>= 1.9'``; empty where none is set.
        against (str): What it is compared with.
        low (float, optional): Least of the rounds.
        high (float, optional): Most of the rounds.
        times (dict[str, float]): Median seconds of each side.
        note (str): What a reader needs to know besides.
    """

    stage: str
    case: str
    value: float
    unit: str = 'x'
    goal: str = ''
    against: str = ''
    low: float | None = None
    high: float | None = None
    times: dict[str, float] | None = None
    note: str = ''

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if not self.goal:
            return None
        sign, bound = self.goal.split()
        return _COMPARISONS[sign](self.value, float(bound))


@dataclass(frozen=True)
class Growth:
    """How a cost grows with what drives it.

    Attributes:
        cost (str): Such as ``CMD step (s)``.
        driver (str): Such as ``batch``.
        sizes (Sequence[float]): Of the driver.
        values (Sequence[float]): Of the cost, one a size.
        note (str): What a reader needs to know besides.
    """

    cost: str
    driver: str
    sizes: Sequence[float]
    values: Sequence[float]
    note: str = ''

    @property
    def exponent(self) -> float:
        """Slope of a line through the logarithms: 1 is linear."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.values), 1)[0])


@dataclass(frozen=True)
class Failure:
    """Why a stage has no further figures.

    Attributes:
        stage (str): Such as ``encoder``.
        reason (str): What was wrong.
        disagrees (bool): Two implementations disagree; else the stage could not be run.
    """

    stage: str
    reason: str
    disagrees: bool = False

    def __str__(self) -> str:
        kind = 'two implementations disagree' if self.disagrees else 'failed'
        return f'{kind}: {self.stage}: {" ".join(self.reason.split())}'


Result = Figure | Growth | Failure


def seconds(function: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time one call."""
    gc.collect()
    start = clock()
    function()
    return clock() - start


def in_turns(
    rounds: int, clock: Callable[[], float] = time.perf_counter, **sides: Callable[[], Any]
) -> dict[str, list[float]]:
    """Time functions in turns, after one round that warms up.

    Args:
        rounds (int): How often each is timed.
        clock (Callable): ``time.process_time`` for a figure per core. Defaults to the wall clock.
        **sides (Callable): What is timed, by name.

    Returns:
        dict[str, list[float]]: Seconds of each side, one a round.
    """
    times = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, function in sides.items():
            elapsed = seconds(function, clock)
            if turn:
                times[name].append(elapsed)
    return times


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the fields of a :class:`Figure` of a value in each round: median, least and most."""
    return dict(value=statistics.median(values), low=min(values), high=max(values))


def ratio(times: dict[str, list[float]], over: str, under: str = 'ours') -> dict[str, Any]:
    """Return the fields of a :class:`Figure` of the ratios of two sides, round by round."""
    ratios = [a / b for a, b in zip(times[over], times[under], strict=True)]
    return dict(
        **spread(ratios),
        times={name: statistics.median(times[name]) for name in (under, over)},
    )


def check_equal(found: Any, expected: Any, what: str, atol: float = 0.0, rtol: float = 0.0) -> None:
    """Check that two implementations give the same numbers.

    Raises:
        Disagreement: If they do not; says which.
    """
    try:
        torch.testing.assert_close(found, expected, atol=atol, rtol=rtol)
    except AssertionError as error:
        raise Disagreement(f'{what}: {" ".join(str(error).split())}') from None


def gradients(module: nn.Module) -> dict[str, Tensor]:
    """Return each parameter's gradient by name; zeros where there is none."""
    return {
        name: torch.zeros_like(x) if x.grad is None else x.grad
        for name, x in module.named_parameters()
    }


def change(after: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Subtract tensors by name."""
    return {name: x.detach() - before[name] for name, x in after.items()}


def norm(tensor: Tensor) -> float:
    """Return the root of the sum of squares, added up in float64."""
    return torch.linalg.vector_norm(tensor.detach().double()).item()


def check_close_in_norm(
    found: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    what: str,
    tol: float = 1e-4,
    zero: float = 0.0,
) -> float:
    """Check that each of several tensors lies within ``tol * norm(wanted)`` of what is wanted.

    A bound on each number says nothing where the numbers are small, as gradients are: zeros would
    pass. The norm of a tensor is its own measure.

    Args:
        found (Mapping[str, Tensor]): By name.
        wanted (Mapping[str, Tensor]): By the same names, of the same shapes.
        what (str): They are, for the message.
        tol (float): Defaults to 1e-4.
        zero (float): Share of the norm of all that are wanted, below which one is zero but for
            rounding; then what is found must be below it too. Defaults to 0.

    Returns:
        float: The largest of the distances over the norms.

    Raises:
        Disagreement: If one lies further away, or names or shapes differ; says which.
    """
    shapes = [{(name, tuple(x.shape)) for name, x in side.items()} for side in (found, wanted)]
    if shapes[0] != shapes[1]:
        raise Disagreement(f'{what}: names or shapes of one alone: {sorted(shapes[0] ^ shapes[1])}')
    norms = {name: norm(x) for name, x in wanted.items()}
    least, apart = zero * math.hypot(*norms.values()), [0.0]
    for name, size in norms.items():
        if size <= least and norm(found[name]) <= least:
            continue
        distance = norm(found[name].double() - wanted[name].double())
        apart.append(distance / size if size else math.inf)
        if not apart[-1] <= tol:  # so that NaN is found out
            raise Disagreement(f'{what}: {name} is {apart[-1]:.2g} of its norm away, above {tol:g}')
    return max(apart)
