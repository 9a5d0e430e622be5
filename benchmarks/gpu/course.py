"""Run all cases on one device within a time: ``python -m benchmarks --device cuda --minutes 8``."""

import gc
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.gpu import evaluation, methods, steps
from benchmarks.gpu.place import Place
from benchmarks.gpu.table import Case, Row, as_json, from_json, markdown
from benchmarks.harness import Disagreement
from benchmarks.tables import machine
from mmcmd.errors import InputError

BATCHES = 64, 256, 1024
SKIPPED = 'skipped: no time was left'


def cases(place: Place) -> Iterable[Case]:
    """List all cases. There may be no time for the last ones."""
    first, *more = (2, 4) if place.short else BATCHES
    default, *others = steps.FORMS
    graphs = [form + steps.GRAPH for form in steps.FORMS] if place.device == 'cuda' else []
    return chain(
        steps.cmd_cases(place, [first], [default, *graphs]),
        steps.encoder_cases(place, [first], [default]),
        evaluation.cases(place),
        steps.graph_cases(place),
        methods.cases(place),
        steps.cmd_cases(place, more, [default, *graphs[-1:]]),
        steps.cmd_cases(place, [first], others),
        steps.encoder_cases(place, more, [default]),
        steps.encoder_cases(place, [first], others),
    )


def measure(
    cases: Iterable[Case],
    deadline: float,
    failed: list[str],
    skipped: str = SKIPPED,
    earlier: Iterable[Row] = (),
) -> Iterator[Row]:
    """Measure one case after the other. A row without values has a note with the reason.

    Args:
        cases (Iterable[Case]): The cases to measure.
        deadline (float): No case begins after this time, in seconds of ``time.monotonic``.
        failed (list[str]): Gets an entry ``'disagreement'`` or ``'error'`` for each failed case.
        skipped (str): Note of the rows after the deadline.
        earlier (Iterable[Row]): Rows of an earlier run. Rows with values are not measured again.
    """
    known = {row.title: row for row in earlier if row.values}
    for row, run in cases:
        if row.title in known:
            yield known[row.title]
            continue
        if time.monotonic() >= deadline:
            yield replace(row, note=skipped)
            continue
        try:
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            values, note = run()
            yield replace(row, values=values, note=note)
        except Disagreement as error:
            failed.append('disagreement')
            yield replace(row, note=f'two implementations disagree: {error}')
        except Exception as error:  # the other cases must still run
            if not isinstance(error, torch.OutOfMemoryError):
                failed.append('error')
            reason = ' '.join(str(error).split())[:300]
            yield replace(row, note=f'failed: {type(error).__name__}: {reason}')


def facts_of(place: Place) -> dict[str, Any]:
    """Return a description of the machine and of the run."""
    if place.device == 'cuda' and not torch.cuda.is_available():
        return {'gpu': 'none, so nothing was measured; the tables list the planned cases'}
    facts = machine() | {'form': 'short' if place.short else 'full', 'device': place.device}
    if place.device == 'cuda':
        properties = torch.cuda.get_device_properties(0)
        memory = f'{properties.total_memory / 2**30:.0f} GiB'
        facts['gpu'] = f'{properties.name}, {memory}, {properties.multi_processor_count} SMs'
        facts |= {'cuda': torch.version.cuda, 'cudnn': torch.backends.cudnn.version()}
    return facts


def read_earlier(file: Path, facts: Mapping[str, Any]) -> tuple[dict[str, Any], list[Row]]:
    """Read the facts and the rows of an earlier run.

    Raises:
        InputError: If that run used another machine, other sizes or another version of torch.
    """
    if not file.is_file():
        raise InputError(f'--resume: there is no {file} to go on with; run without it first')
    found, rows = from_json(file.read_text())
    for name, value in facts.items():
        if found.get(name) != value:
            raise InputError(
                f'--resume: {file} was measured with {name} {found.get(name)!r}, and here it is '
                f'{value!r}; take another folder with --out'
            )
    return found, rows


def run(
    device: str,
    short: bool,
    deadline: float,
    out: Path,
    others: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> int:
    """Measure all cases, and write ``gpu.md`` and ``gpu.json`` after each.

    Args:
        device (str): ``cuda`` or ``cpu``.
        short (bool): Use small sizes.
        deadline (float): No case begins after this time, in seconds of ``time.monotonic``.
        out (Path): Folder for the tables.
        others (Mapping, optional): More facts of the run, for the tables.
        resume (bool): Continue the ``gpu.json`` of an earlier run on such a machine.

    Returns:
        int: 1 if two implementations disagree, 2 if a case failed, and 0 otherwise.

    Raises:
        InputError: If the earlier run was on another machine.
    """
    place, console = Place(device, short), Console()
    facts = facts_of(place)
    earlier: list[Row] = []
    if resume:
        facts, earlier = read_earlier(out / 'gpu.json', facts)
    facts |= dict(others or {})
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    failed: list[str] = []
    order: dict[str, int] = {}
    gc.freeze()  # collections before timed calls are faster without the imported modules
    start = time.monotonic()
    # Without a GPU, the facts of the table already say why nothing was measured.
    planned = device == 'cuda' and not torch.cuda.is_available()
    skipped = '' if planned else SKIPPED
    for row in measure(cases(place), deadline, failed, skipped, earlier):
        rows.append(row)
        cells = ', '.join(f'{x}: {row.cell(x)}' for x in row.columns if x in row.values)
        text = f'{time.monotonic() - start:.0f} s: {row.title}: {cells} ({row.note})'
        console.print(text, soft_wrap=True, markup=False, highlight=False)
        tables = sorted(rows, key=lambda row: order.setdefault(row.stage, len(order)))
        for suffix, write in (('md', markdown), ('json', as_json)):
            (out / f'gpu.{suffix}').write_text(write(tables, facts))
    console.print(f'written to {out}/gpu.md and gpu.json')
    if 'disagreement' in failed:
        return 1
    return 2 if failed else 0
