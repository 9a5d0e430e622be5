"""Write the rows that were measured on a device as Markdown and JSON, with those not measured."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from benchmarks.harness import Figure

NOT_MEASURED = 'not measured'
WORDS = """# Measurements on a GPU

The pages "On a GPU" and "Speed" of the documentation explain the cases and the forms. The *loop* is
the authors' loop over frames; in the table "ST-GCN step", it is mmaction2's encoder in a plain
MoCo. *Product* is a matrix product in the same number format. *Losses* are those of both sides
after equal steps. Goals are in brackets, such as (<= 4).
"""
"""Beginning of the page."""


@dataclass(frozen=True)
class Row:
    """One case.

    Attributes:
        stage (str): Name of the table.
        case (Mapping[str, Any]): Sizes and options of the case, by column.
        columns (Sequence[str]): Names of the measured columns.
        goals (Mapping[str, str]): Goals by column, such as ``'>= 6'``.
        values (Mapping[str, float]): Values by column. A column without a value was not measured.
        note (str): More information for the reader.
    """

    stage: str
    case: Mapping[str, Any]
    columns: Sequence[str]
    goals: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    note: str = ''

    @property
    def title(self) -> str:
        """Text of the stage and the case."""
        return ', '.join([self.stage, *(f'{name} {value}' for name, value in self.case.items())])

    def cell(self, column: str) -> str:
        """Return the text of a column, with its goal."""
        goal = self.goals.get(column, '')
        if column not in self.values:
            return f'{NOT_MEASURED} ({goal})' if goal else NOT_MEASURED
        value = self.values[column]
        text = f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.3g}'
        if not goal:
            return text
        missed = '' if Figure('', '', value, goal=goal).reached else ': **missed**'
        return f'{text} ({goal}{missed})'


class Case(NamedTuple):
    """A row without values, and a function that returns its values and its note."""

    row: Row
    measure: Callable[[], tuple[dict[str, float], str]]


def markdown(rows: Iterable[Row], facts: Mapping[str, Any]) -> str:
    """Return one Markdown table for each stage. Goals are in brackets."""
    lines, stage = [WORDS, ', '.join(f'{name} {value}' for name, value in facts.items())], None
    for row in rows:
        if row.stage != stage:
            stage = row.stage
            names = [*row.case, *row.columns, 'note']
            heading = f'| {" | ".join(names)} |'
            lines += ['', f'## {stage}', '', heading, '|' + ' --- |' * len(names)]
        cells = [*map(str, row.case.values()), *map(row.cell, row.columns), row.note]
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines) + '\n'


def as_json(rows: Iterable[Row], facts: Mapping[str, Any]) -> str:
    """Return everything as JSON, for programs."""
    return json.dumps(dict(machine=facts, rows=[asdict(row) for row in rows]), indent=1) + '\n'


def from_json(text: str) -> tuple[dict[str, Any], list[Row]]:
    """Read what :func:`as_json` has written: facts and rows."""
    found = json.loads(text)
    return found['machine'], [Row(**row) for row in found['rows']]
