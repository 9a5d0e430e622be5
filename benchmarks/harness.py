"""What the stages share: timing in turns, agreement, figures, and the tables made of them."""

import gc
import json
import operator
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

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


Result = Figure | Growth


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


def machine() -> dict[str, Any]:
    """Describe what the figures were measured on."""
    cpu = platform.processor() or platform.machine()
    info = Path('/proc/cpuinfo')
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith('model name')]
        cpu = names[0].split(':')[1].strip() if names else cpu
    return dict(
        cpu=cpu,
        threads=torch.get_num_threads(),
        python=platform.python_version(),
        torch=torch.__version__,
    )


def markdown(results: Iterable[Result], facts: dict[str, Any]) -> str:
    """Write the tables."""
    results = list(results)
    lines = [', '.join(f'{name} {value}' for name, value in facts.items()), '']
    figures = [x for x in results if isinstance(x, Figure)]
    if figures:
        lines += [
            '| stage | case | against | measured | goal | |',
            '| --- | --- | --- | --- | --- | --- |',
            *map(_row, figures),
            '',
        ]
    growth = [x for x in results if isinstance(x, Growth)]
    if growth:
        lines += ['| cost | driver | at | measured | exponent | |', '|' + ' --- |' * 6]
        lines += [
            f'| {x.cost} | {x.driver} | {_listed(x.sizes)} | {_listed(x.values)} '
            f'| {x.exponent:.2f} | {x.note} |'
            for x in growth
        ]
    return '\n'.join(lines).rstrip() + '\n'


def _row(figure: Figure) -> str:
    measured = f'{figure.value:.3g} {figure.unit}'
    if figure.low is not None:
        measured += f' ({figure.low:.3g} to {figure.high:.3g})'
    goal = {None: '', True: f'{figure.goal}', False: f'{figure.goal}: **missed**'}[figure.reached]
    times = ', '.join(f'{name} {value:.3g} s' for name, value in (figure.times or {}).items())
    note = '; '.join(filter(None, (times, figure.note)))
    return f'| {figure.stage} | {figure.case} | {figure.against} | {measured} | {goal} | {note} |'


def _listed(values: Iterable[float]) -> str:
    return ', '.join(f'{x:,.0f}' if x >= 1000 else f'{x:.3g}' for x in values)


def as_json(results: Iterable[Result], facts: dict[str, Any]) -> str:
    """Write everything, for programs."""
    figures, growth = [], []
    for x in results:
        if isinstance(x, Figure):
            figures.append(asdict(x) | {'reached': x.reached})
        else:
            growth.append(asdict(x) | {'exponent': x.exponent})
    return json.dumps(dict(machine=facts, figures=figures, growth=growth), indent=1) + '\n'
