"""Time every stage against the usual alternative: ``python -m benchmarks [STAGE ...]``.

Both sides run in turns, and a speed is the ratio of their times. If a stage fails, the tables say
so, and the other stages still run. The exit status is 1 if two implementations disagree, 2 if a
stage failed for another reason, and 0 otherwise. It does not depend on the speeds.
"""

import argparse
import importlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.harness import Disagreement, Failure, Figure, Result
from benchmarks.tables import as_json, machine, markdown
from mmcmd.cli import run
from mmcmd.errors import InputError
from mmcmd.terminal import get_console, say

STAGES = (
    'encoder',
    'cmd_step',
    'bfloat16',
    'graph_encoder',
    'methods',
    'views',
    'conversion',
    'dataset',
    'knn',
    'linear',
    'startup',
    'inference',
    'retrieval',
    'side_by_side',
    'growth',
)
"""Modules of this package, each with ``run(short)``, a generator of figures."""


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parser.add_argument('stages', nargs='*', metavar='STAGE', help=f'one of {", ".join(STAGES)}')
    parser.add_argument('--short', action='store_true', help='small sizes: one minute in total')
    parser.add_argument('--out', type=Path, help='folder (default: work_dirs/bench or .../gpu)')
    parser.add_argument(
        '--device', choices=['cpu', 'cuda'], help='run the cases for GPUs, see docs/gpus.md'
    )
    parser.add_argument('--minutes', type=float, default=8, help='limit of time with --device')
    args = parser.parse_args()
    if args.device:
        return on_device(args)
    unknown = set(args.stages) - set(STAGES)
    if unknown:
        parser.error(f'unknown stage {min(unknown)}; stages are {", ".join(STAGES)}')

    console = get_console()
    args.out = args.out or Path('work_dirs/bench')
    facts = machine() | {'form': 'short' if args.short else 'full'}
    args.out.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    for name in args.stages or STAGES:
        start = time.perf_counter()
        console.print(f'{name} ...')
        for result in run_stage(name, args.short, console):
            results.append(result)
            say(console, f'  {result}', indent='    ')
        console.print(f'  {time.perf_counter() - start:.0f} s')
        for suffix, text in (('md', markdown), ('json', as_json)):
            (args.out / f'bench.{suffix}').write_text(text(results, facts))

    show_goals(results, console)
    console.print(f'tables: {args.out}/bench.md and bench.json', soft_wrap=True)
    failures = [result for result in results if isinstance(result, Failure)]
    for failure in failures:
        say(console, str(failure))
    return exit_status(failures)


def on_device(args: argparse.Namespace) -> int:
    """Run the cases for GPUs.

    Raises:
        InputError: If there is no GPU, except with ``--minutes 0``, which only lists the cases.
    """
    if args.device == 'cuda' and args.minutes > 0 and not torch.cuda.is_available():
        raise InputError(
            '--device cuda needs a CUDA GPU, and torch finds none; --device cpu --short tries all '
            'steps, and --minutes 0 lists the cases'
        )
    deadline = time.monotonic() + 60 * args.minutes
    course = importlib.import_module('benchmarks.gpu.course')
    return course.run(args.device, args.short, deadline, args.out or Path('work_dirs/gpu'))


def run_stage(name: str, short: bool, console: Console) -> Iterator[Result]:
    """Run a stage and yield its results. An error becomes the last result."""
    try:
        yield from importlib.import_module(f'benchmarks.{name}').run(short)
    except Disagreement as error:
        yield Failure(name, str(error), disagrees=True)
    except Exception as error:  # an hour of other stages is not lost for it
        console.print_exception(width=console.width)
        yield Failure(name, f'{type(error).__name__}: {error}')


def show_goals(results: Sequence[Result], console: Console) -> None:
    """Print the figures that have a goal, as a table that fits into 80 columns."""
    table = Table('stage', 'case', 'measured', 'goal', '', box=None, pad_edge=False)
    for column in table.columns[:2]:
        column.overflow = 'fold'
    for one in results:
        if isinstance(one, Figure) and one.reached is not None:
            measured = f'{one.value:.3g} {one.unit}'
            table.add_row(one.stage, one.case, measured, one.goal, '' if one.reached else 'missed')
    if table.row_count:
        console.print(table)


def exit_status(failures: Sequence[Failure]) -> int:
    """Return 1 if two implementations disagree, else 2 if a stage failed, else 0."""
    if any(failure.disagrees for failure in failures):
        return 1
    return 2 if failures else 0


if __name__ == '__main__':
    run(main)
