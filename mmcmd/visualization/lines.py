"""A figure of many lines with spreads, such as the accuracy of methods over labels or minutes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

MARKERS = 'osD^v<>Pp*hX'


@dataclass(frozen=True)
class Line:
    """Points of one line, from left to right.

    Attributes:
        x (Sequence[float]): Positions.
        mean (Sequence[float]): Values.
        spread (Sequence[float]): Standard deviations, 0 if they are not known.
        dashed (bool): Draw it dashed and grey. Defaults to False.
    """

    x: Sequence[float]
    mean: Sequence[float]
    spread: Sequence[float]
    dashed: bool = False


def draw_lines(
    lines: Mapping[str, Line],
    xlabel: str,
    ylabel: str,
    title: str,
    out: Path,
    ticks: Mapping[float, str] | None = None,
) -> None:
    """Draw lines, and name them in the order of their last values, the highest first.

    Args:
        lines (Mapping[str, Line]): Name to line. A dashed line of one point is drawn through the
            whole figure.
        xlabel (str): Label of the x axis.
        ylabel (str): Label of the y axis.
        title (str): Over the figure.
        out (Path): PNG to write.
        ticks (Mapping[float, str], optional): Positions on the x axis and their labels.
    """
    figure = Figure(figsize=(10, 6), layout='constrained')
    axes = figure.subplots()
    colours = matplotlib.colormaps['tab20'].colors
    # Strong colours first, then the pale ones.
    solid, dashed = iter([*colours[::2], *colours[1::2]] * 9), 0
    handles = {}
    for index, (name, line) in enumerate(lines.items()):
        style = {'color': f'{0.15 + 0.6 * (dashed % 5) / 4}', 'linestyle': '--'}
        if line.dashed:
            dashed += 1
        else:
            style = {'color': next(solid), 'linestyle': '-'}
        if line.dashed and len(line.x) == 1:
            handles[name] = axes.axhline(line.mean[0], label=name, **style)
            continue
        marker = MARKERS[index % len(MARKERS)]
        handles[name] = axes.errorbar(
            line.x, line.mean, line.spread, label=name, marker=marker, capsize=2, **style
        )
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if ticks:
        axes.set_xticks([*ticks], [*ticks.values()])
    axes.grid(alpha=0.3)
    order = sorted(lines, key=lambda name: -lines[name].mean[-1])
    figure.legend(
        [handles[name] for name in order],
        [f'{name} ({lines[name].mean[-1]:.1f})' for name in order],
        loc='outside right upper',
        fontsize='small',
    )
    figure.savefig(out, dpi=120)
