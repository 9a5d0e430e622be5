"""Write all figures as Markdown tables and as JSON."""

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness import Failure, Figure, Growth, Result


def machine() -> dict[str, Any]:
    """Describe the machine of the measurements."""
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
    """Return the tables as Markdown."""
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
        lines.append('')
    failures = [x for x in results if isinstance(x, Failure)]
    lines += [f'- {x}' for x in failures]
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
    """Return everything as JSON, for programs."""
    figures, growth, failures = [], [], []
    for x in results:
        if isinstance(x, Figure):
            figures.append(asdict(x) | {'reached': x.reached})
        elif isinstance(x, Growth):
            growth.append(asdict(x) | {'exponent': x.exponent})
        else:
            failures.append(asdict(x))
    tables = dict(machine=facts, figures=figures, growth=growth, failures=failures)
    return json.dumps(tables, indent=1) + '\n'
