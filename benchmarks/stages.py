"""Run the stages that the command line of ``python -m benchmarks`` names, and write the tables."""

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
from mmcmd.errors import InputError
from mmcmd.terminal import get_console, say


def measure(args: argparse.Namespace, stages: Sequence[str]) -> int:
    """Run stages on the CPU, and return the exit status."""
    console = get_console()
    args.out = args.out or Path('work_dirs/bench')
    facts = machine() | {'form': 'short' if args.short else 'full'}
    args.out.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    for name in stages:
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
