"""Common parts of all stages: timing in turns, comparison of results, and figures."""

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
        stage (str): Name of the stage, such as ``encoder``.
        case (str): Description of the case, with its sizes.
        value (float): The figure. For times in turns, it is the median of their ratios.
        unit (str): Unit of the figure: ``%``, ``s``, ``MB`` and so on. ``x`` is a ratio, usually
            the time of the other side divided by ours.
        goal (str): Such as ``'>= 1.9'``; empty if there is no goal.
        against (str): The baseline of the comparison.
        low (float, optional): Smallest value of the rounds.
        high (float, optional): Largest value of the rounds.
        times (dict[str, float]): Median seconds of each side.
        note (str): More information for the reader.
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
        """Whether the goal is reached; None without a goal."""
        if not self.goal:
            return None
        sign, bound = self.goal.split()
        return _COMPARISONS[sign](self.value, float(bound))

    def __str__(self) -> str:
        text = f'{self.case}: {self.value:.3g} {self.unit}'
        if self.low is not None:
            text += f' ({self.low:.3g} to {self.high:.3g})'
        if self.against:
            text += f', against {self.against}'
        if self.reached is not None:
            text += f', goal {self.goal}' + ('' if self.reached else ': missed')
        return text


@dataclass(frozen=True)
class Growth:
    """Growth of a cost with the quantity that it depends on.

    Attributes:
        cost (str): Name of the cost, such as ``CMD step (s)``.
        driver (str): Name of the quantity, such as ``batch``.
        sizes (Sequence[float]): Values of the quantity.
        values (Sequence[float]): Cost at each of these values.
        note (str): More information for the reader.
    """

    cost: str
    driver: str
    sizes: Sequence[float]
    values: Sequence[float]
    note: str = ''

    @property
    def exponent(self) -> float:
        """Slope of a line through the logarithms; 1 means linear growth."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.values), 1)[0])

    def __str__(self) -> str:
        return f'{self.cost} grows with {self.driver} to the power of {self.exponent:.2f}'


@dataclass(frozen=True)
class Failure:
    """The reason why a stage has no more figures.

    Attributes:
        stage (str): Name of the stage, such as ``encoder``.
        reason (str): Message of the error.
        disagrees (bool): Whether two implementations disagree. Otherwise the stage could not run.
    """

    stage: str
    reason: str
    disagrees: bool = False

    def __str__(self) -> str:
        kind = 'two implementations disagree' if self.disagrees else 'failed'
        return f'{kind}: {self.stage}: {" ".join(self.reason.split())}'


Result = Figure | Growth | Failure


def seconds(function: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of one call."""
    gc.collect()
    start = clock()
    function()
    return clock() - start


def in_turns(
    rounds: int, clock: Callable[[], float] = time.perf_counter, **sides: Callable[[], Any]
) -> dict[str, list[float]]:
    """Time functions in turns, after one round that warms up.

    Args:
        rounds (int): Number of timed calls of each function.
        clock (Callable): Returns seconds, such as ``time.process_time`` for CPU time. Defaults to
            the wall clock.
        **sides (Callable): Functions to time, by name.

    Returns:
        dict[str, list[float]]: Seconds of each side, one value a round.
    """
    times = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, function in sides.items():
            elapsed = seconds(function, clock)
            if turn:
                times[name].append(elapsed)
    return times


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return fields of a :class:`Figure`: median, smallest and largest value of the rounds."""
    return dict(value=statistics.median(values), low=min(values), high=max(values))


def ratio(times: dict[str, list[float]], over: str, under: str = 'ours') -> dict[str, Any]:
    """Return fields of a :class:`Figure` for the ratio of two sides in each round."""
    ratios = [a / b for a, b in zip(times[over], times[under], strict=True)]
    return dict(
        **spread(ratios),
        times={name: statistics.median(times[name]) for name in (under, over)},
    )


def check_equal(found: Any, expected: Any, what: str, atol: float = 0.0, rtol: float = 0.0) -> None:
    """Check that two implementations give the same numbers.

    Raises:
        Disagreement: If the numbers differ; the message contains ``what``.
    """
    try:
        torch.testing.assert_close(found, expected, atol=atol, rtol=rtol)
    except AssertionError as error:
        raise Disagreement(f'{what}: {" ".join(str(error).split())}') from None


def gradients(module: nn.Module) -> dict[str, Tensor]:
    """Return each parameter's gradient by name; zeros if it has none."""
    return {
        name: torch.zeros_like(x) if x.grad is None else x.grad
        for name, x in module.named_parameters()
    }


def change(after: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the differences of tensors with the same name."""
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
    """Check for each tensor that the norm of the difference is at most ``tol * norm(wanted)``.

    An absolute tolerance would not work for small numbers such as gradients, because zeros would
    pass. So the tolerance is relative to the norm of each tensor.

    Args:
        found (Mapping[str, Tensor]): Tensors by name.
        wanted (Mapping[str, Tensor]): Expected tensors, with the same names and shapes.
        what (str): Description of the tensors for the message.
        tol (float): Tolerance relative to the norm. Defaults to 1e-4.
        zero (float): An expected tensor counts as zero if its norm is at most this share of the
            norm of all expected tensors. The tensor that was found must then be as small. Defaults
            to 0.

    Returns:
        float: The largest relative difference.

    Raises:
        Disagreement: If a tensor differs by more, or names or shapes differ; the message names it.
    """
    shapes = [{(name, tuple(x.shape)) for name, x in side.items()} for side in (found, wanted)]
    if shapes[0] != shapes[1]:
        raise Disagreement(f'{what}: names or shapes differ: {sorted(shapes[0] ^ shapes[1])}')
    norms = {name: norm(x) for name, x in wanted.items()}
    least, apart = zero * math.hypot(*norms.values()), [0.0]
    for name, size in norms.items():
        if size <= least and norm(found[name]) <= least:
            continue
        distance = norm(found[name].double() - wanted[name].double())
        apart.append(distance / size if size else math.inf)
        if not apart[-1] <= tol:  # this condition also detects NaN
            raise Disagreement(
                f'{what}: {name} differs by {apart[-1]:.2g} of its norm, above {tol:g}'
            )
    return max(apart)
