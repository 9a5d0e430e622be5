"""Write a reproduced table as Markdown and JSON, with published and measured numbers."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from rich.table import Table as View

from mmcmd.io.files import replace_file
from mmcmd.reproduction.paper import Table
from mmcmd.reproduction.significance import LEVEL, Difference
from mmcmd.reproduction.winners import MARK, winners

Records = Mapping[str, Sequence[Mapping[str, Any] | None]]
"""Result of :meth:`mmcmd.reproduction.runs.Reproduction.records`."""
Differences = Mapping[str, Sequence[Difference | None]]
"""Result of :func:`mmcmd.reproduction.significance.differences`."""


def hardware() -> str:
    """Describe this machine: GPUs or CPU cores, torch and Python."""
    count = torch.cuda.device_count()
    device = (
        f'{count} x {torch.cuda.get_device_name()}' if count else f'CPU, {os.cpu_count()} cores'
    )
    return f'{device}, torch {torch.__version__}, Python {platform.python_version()}'


def measured(record: Mapping[str, Any] | None, which: str = 'last') -> str:
    """Format a number as mean and standard deviation over seeds. It is empty if not run."""
    values = [run[which] for run in record['runs']] if record else []
    if not values:
        return ''
    spread = f' ± {statistics.stdev(values):.1f}' if len(values) > 1 else ''
    return f'{statistics.mean(values):.1f}{spread}'


def cells(table: Table, records: Records) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of a table as text, with the published numbers if there are any."""
    with_paper = [
        any(row[index] and row[index]['paper'] for row in records.values())
        for index in range(len(table.columns))
    ]
    head, rows, best = [''], [], winners(table, records)
    for column, has_paper in zip(table.columns, with_paper, strict=True):
        head += [f'{column}: paper', f'{column}: ours'] if has_paper else [column]
    for label, row in records.items():
        texts = [label]
        for index, (record, has_paper) in enumerate(zip(row, with_paper, strict=True)):
            if has_paper:
                texts.append(f'{record["paper"]}' if record and record['paper'] else '')
            beaten = index in best and label in best[index].below
            texts.append(measured(record) + MARK * beaten)
        rows.append(texts)
    return head, rows


def markdown(
    table: Table,
    records: Records,
    data: str,
    budget: str,
    note: str = '',
    reference: str = '',
    differences: Differences = MappingProxyType({}),
) -> str:
    """Format a table, a note, the sources of the published numbers, and the runs.

    Args:
        table (Table): The table.
        records (Records): The numbers of the table.
        data (str): Data set and split.
        budget (str): Budget of the runs, ``'small'`` or ``'paper'``.
        note (str): Text below the table.
        reference (str): Name of the method with which all others are compared.
        differences (Differences): The comparisons with ``reference``.
    """
    head, rows = cells(table, records)
    sources = {
        f'- {record["source"]}: {label}'
        for label, row in records.items()
        for record in row
        if record and record['source']
    }
    reasons = {
        f'- {label}: {record["reason"]}'
        for label, row in records.items()
        for record in row
        if record and record.get('reason')
    }
    lines = [
        f'## {table.title}, {data}',
        '',
        f'Top-1 in percent on the test split, last epoch, budget {budget!r}; mean and standard '
        'deviation over seeds. Empty cells were not run.',
        '',
        *_grid(head, rows),
        '',
        *_won(table, records),
        *([note, ''] if note else []),
        *(['Not run here:', '', *sorted(reasons), ''] if reasons else []),
        *(_compared(table, reference, differences) if reference else []),
        *(['Sources of the published numbers:', '', *sorted(sources), ''] if sources else []),
        f'Runs on {hardware()}:',
        '',
        *_grid(*_provenance(records)),
    ]
    return '\n'.join(lines) + '\n'


def _won(table: Table, records: Records) -> list[str]:
    """Describe in which columns a row without pre-training is better than methods."""
    found = winners(table, records)
    if not found:
        return []
    return [
        'Columns in which a row without pre-training is better than methods with pre-training '
        f'(`{MARK.strip()}` marks numbers below the best row without pre-training):',
        '',
        *(f'- {table.columns[index]}: {winner}' for index, winner in found.items()),
        '',
    ]


def _compared(table: Table, reference: str, differences: Differences) -> list[str]:
    """Format the differences to one method. Rows without differences are omitted."""
    rows = [
        [label, *(str(x) if x else '' for x in row)]
        for label, row in differences.items()
        if any(row)
    ]
    return [
        f'Difference to {reference}, in points, and its p-value. The test is paired over seeds and '
        'test sequences, and treats both as random samples. The p-values are corrected for the '
        f'number of methods (Holm). * marks p < {LEVEL}. With one seed, the test does not include '
        'the spread of the seeds, because it is unknown.',
        '',
        *_grid(['', *table.columns], rows),
        '',
    ]


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    divider = ['---', *['---:'] * (len(head) - 1)]
    return [f'| {" | ".join(row)} |' for row in (head, divider, *rows)]


def _provenance(records: Records) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the table of runs, with one row per number and seed."""
    head = ['config', 'method', 'protocol', 'metric', 'seed', 'epochs', 'last', 'best (epoch)']
    head += ['checkpoint', 'minutes']
    rows = []
    for record in (record for row in records.values() for record in row if record):
        for run in record['runs']:
            best = f'{run["best"]:.1f}' + (f' ({run["best_epoch"]})' if run['epochs'] else '')
            minutes = f'{run["seconds"] / 60:.1f}' if run['seconds'] else ''
            where = [run['config'], *(record[x] for x in ('method', 'protocol', 'metric'))]
            what = (str(run['seed']), str(run['epochs']), f'{run["last"]:.1f}', best)
            rows.append([*where, *what, run['checkpoint'] or '', minutes])
    unique = {tuple(row): row for row in rows}
    return head, list(unique.values())


def write(
    table: Table,
    records: Records,
    data: str,
    budget: str,
    out: Path,
    note: str = '',
    reference: str = '',
    differences: Differences = MappingProxyType({}),
) -> None:
    """Write ``OUT.md`` and ``OUT.json``. The other arguments are those of :func:`markdown`."""
    content = dict(
        title=f'{table.title}, {data}',
        budget=budget,
        note=note,
        hardware=hardware(),
        columns=list(table.columns),
        rows=records,
        reference=reference,
        differences={
            label: [x and asdict(x) for x in row] for label, row in differences.items() if any(row)
        },
    )
    if table.baselines:
        best = winners(table, records)
        content['winners'] = {table.columns[index]: asdict(x) for index, x in best.items()}
    texts = {
        '.md': markdown(table, records, data, budget, note, reference, differences),
        '.json': json.dumps(content, indent=2),
    }
    for suffix, text in texts.items():
        with replace_file(out.with_suffix(suffix)) as file:
            file.write(text.encode())


def view(table: Table, records: Records, data: str, note: str = '') -> View:
    """Return the table with a note, in a form for the terminal."""
    head, rows = cells(table, records)
    caption = f'top-1, %, last epoch. {note}'.rstrip()
    shown = View(title=f'{table.title}, {data}', caption=caption)
    for name in head:
        shown.add_column(name, overflow='fold')
    for row in rows:
        shown.add_row(*row)
    return shown
