"""An inspection of an annotation file, as tables on a console."""

from collections.abc import Iterable, Iterator

import numpy as np
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmcmd.datasets.annotations.counts import Inspection
from mmcmd.terminal import say


def print_inspection(found: Inspection, console: Console) -> None:
    """Print what was found. The findings come last, one in a line.

    Args:
        found (Inspection): Result of
            :func:`mmcmd.datasets.annotations.inspection.inspect_annotations`.
        console (Console): The console that prints.
    """
    table = Table(show_header=False)
    table.add_column()
    table.add_column(overflow='fold')
    low, middle, high = found.lengths
    persons = [f'{count:,} with {number}' for number, count in sorted(found.persons.items())]
    for key, value in (
        *found.facts.items(),
        ('sequences', f'{found.num_samples:,}'),
        ('frames', f'{low} to {high}, median {middle:g}'),
        ('persons', ', '.join(persons)),
        ('without a label', f'{found.num_samples - sum(found.labels.values()):,}'),
        ('all zero', f'{len(found.empty):,}'),
        ('groups of twins', f'{len(found.twins):,}'),
        ('leaks', f'{sum(len(leak.names) for leak in found.leaks):,}'),
        *_measured(found),
        *([('totals checked', ', '.join(found.checked))] if found.checked else ()),
    ):
        table.add_row(Text(key), Text(value))
    console.print(table)
    _print_counts(console, 'split', found.splits.items())
    classes = ((_class(found, label), count) for label, count in sorted(found.labels.items()))
    _print_counts(console, 'class', classes)
    subjects = sorted(found.subjects.items(), key=lambda pair: (str(type(pair[0])), pair[0]))
    _print_counts(console, 'subject', subjects)
    for finding in found.findings:
        style = 'bold red' if finding.message.startswith('LEAK') else 'yellow'
        say(console, f'warning: {finding}', style=style)
    if not found.findings:
        console.print('nothing suspicious')


def _measured(found: Inspection) -> Iterator[tuple[str, str]]:
    """Yield the height and the lean of the median body, if they were measured."""
    if found.bodies is not None and len(found.bodies.heights):
        yield 'median body, end to end', f'{np.median(found.bodies.heights):.3g}'
    if found.uprightness is not None and found.uprightness.up:
        up = found.uprightness
        yield 'median lean', f'{up.median:.0f} degrees from {up.up}'


def _print_counts(console: Console, title: str, counts: Iterable[tuple[object, int]]) -> None:
    cells = [Text(f'{name}: {count:,}') for name, count in counts]
    if cells:
        console.print(Text(f'sequences per {title} ({len(cells)})', 'bold'))
        console.print(Columns(cells, padding=(0, 3)))


def _class(found: Inspection, label: int) -> str:
    return f'{label} {found.classes[label]}' if label in found.classes else str(label)
