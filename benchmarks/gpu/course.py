"""All cases on one device, within a time: ``python -m benchmarks --device cuda --minutes 8``."""

import gc
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.gpu import evaluation, steps
from benchmarks.gpu.place import Place
from benchmarks.gpu.table import Case, Row, as_json, markdown
from benchmarks.harness import Disagreement
from benchmarks.tables import machine

BATCHES = 64, 256, 1024
SKIPPED = 'skipped: no time was left'


def cases(place: Place) -> Iterable[Case]:
    """List all cases; the time may not suffice for the last ones."""
    first, *more = (2, 4) if place.short else BATCHES
    default, *others = steps.FORMS
    if place.device == 'cuda':
        others += [form + steps.GRAPH for form in steps.FORMS]
    return chain(
        steps.cmd_cases(place, [first], [default]),
        steps.cmd_cases(place, [first], others),
        steps.encoder_cases(place, [first], steps.FORMS),
        evaluation.cases(place),
        steps.graph_cases(place),
        steps.cmd_cases(place, more, [default]),
        steps.encoder_cases(place, more, [default]),
    )


def measure(
    cases: Iterable[Case], deadline: float, failed: list[str], skipped: str = SKIPPED
) -> Iterator[Row]:
    """Measure one case after the other; a row says why it has no values.

    Args:
        cases (Iterable[Case]): What is measured.
        deadline (float): No case begins after it, in seconds of ``time.monotonic``.
        failed (list[str]): Takes what failed; a ``'disagreement'`` is worse than an ``'error'``.
        skipped (str): Note of the rows after the deadline.
    """
    for row, run in cases:
        if time.monotonic() >= deadline:
            yield replace(row, note=skipped)
            continue
        try:
            values, note = run()
            yield replace(row, values=values, note=note)
        except Disagreement as error:
            failed.append('disagreement')
            yield replace(row, note=f'two implementations disagree: {error}')
        except Exception as error:  # the time of the other cases is not lost for it
            if not isinstance(error, torch.OutOfMemoryError):
                failed.append('error')
            reason = ' '.join(str(error).split())[:300]
            yield replace(row, note=f'failed: {type(error).__name__}: {reason}')
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def facts_of(place: Place) -> dict[str, Any]:
    """Describe the machine and the form."""
    if place.device == 'cuda' and not torch.cuda.is_available():
        return {'gpu': 'none at hand, so nothing was measured: this is the list of what would be'}
    facts = machine() | {'form': 'short' if place.short else 'full', 'device': place.device}
    if place.device == 'cuda':
        properties = torch.cuda.get_device_properties(0)
        memory = f'{properties.total_memory / 2**30:.0f} GiB'
        facts['gpu'] = f'{properties.name}, {memory}, {properties.multi_processor_count} SMs'
        facts |= {'cuda': torch.version.cuda, 'cudnn': torch.backends.cudnn.version()}
    return facts


def run(
    device: str, short: bool, deadline: float, out: Path, others: Mapping[str, Any] | None = None
) -> int:
    """Measure all cases, and write ``gpu.md`` and ``gpu.json`` after each.

    Args:
        device (str): ``cuda`` or ``cpu``.
        short (bool): Small sizes.
        deadline (float): No case begins after it, in seconds of ``time.monotonic``.
        out (Path): Folder.
        others (Mapping, optional): Further facts of the run, for the tables.

    Returns:
        int: 1 if two implementations disagree, 2 if a case failed, and 0 otherwise.
    """
    place, console = Place(device, short), Console()
    facts = facts_of(place) | dict(others or {})
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    failed: list[str] = []
    order: dict[str, int] = {}
    gc.freeze()  # what is imported; or each collection before a timed call takes long
    start = time.monotonic()
    planned = device == 'cuda' and not torch.cuda.is_available()  # the table says so once, above
    skipped = '' if planned else SKIPPED
    for row in measure(cases(place), deadline, failed, skipped):
        rows.append(row)
        title = ', '.join(f'{name} {value}' for name, value in row.case.items())
        cells = ', '.join(f'{x}: {row.cell(x)}' for x in row.columns if x in row.values)
        text = f'{time.monotonic() - start:.0f} s: {row.stage}, {title}: {cells} ({row.note})'
        console.print(text, soft_wrap=True, markup=False, highlight=False)
        tables = sorted(rows, key=lambda row: order.setdefault(row.stage, len(order)))
        for suffix, write in (('md', markdown), ('json', as_json)):
            (out / f'gpu.{suffix}').write_text(write(tables, facts))
    console.print(f'written to {out}/gpu.md and gpu.json')
    if 'disagreement' in failed:
        return 1
    return 2 if failed else 0
