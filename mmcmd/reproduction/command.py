"""The work of ``tools/reproduce.py``: run what is missing, and write the tables."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track
from rich.table import Column
from rich.table import Table as View

from mmcmd.errors import InputError
from mmcmd.io.files import check_writable
from mmcmd.reproduction import report
from mmcmd.reproduction.clock import EPOCH_STEPS
from mmcmd.reproduction.cost import estimate, multiply_rate
from mmcmd.reproduction.drawing import draw_features
from mmcmd.reproduction.leaderboard import draw_labels, draw_minutes
from mmcmd.reproduction.leave_one_out import LeaveOneOut
from mmcmd.reproduction.paper import Table
from mmcmd.reproduction.planning import build_launcher, find_runs, measurements, plan
from mmcmd.reproduction.run import Run
from mmcmd.reproduction.runs import Reproduction
from mmcmd.reproduction.schedule import run_stages
from mmcmd.reproduction.significance import differences
from mmcmd.terminal import get_console, say

ATTEMPTS = 3
NOTES = {
    '*': 'the data are missing, so the official number of sequences was used',
    '?': 'not in the total: the data are missing, and no official number of sequences is known',
}


def reproduce_tables(args: argparse.Namespace) -> None:
    """Do what the command line of ``tools/reproduce.py`` says.

    Args:
        args (argparse.Namespace): Its options.

    Raises:
        InputError: If nothing can be run or written, or a run failed.
    """
    if not (args.dry_run or args.report_only):
        check_writable(args.out)  # otherwise each run would fail
    console = get_console()
    runs, possible = find_runs(plan(args))
    missing = measurements(possible)
    if args.dry_run:
        jobs = build_launcher(args, len(runs)).size if args.slurm is None else len(runs)
        show_plan(list(runs.values()), jobs)
        if missing:
            say(console, f'first, {len(missing)} short runs measure the speed')
        return
    if missing and not args.report_only:
        run_stages(missing, build_launcher(args, len(missing)), attempts=ATTEMPTS)
        runs, possible = find_runs(plan(args))
    failures = []
    if not args.report_only:
        stages = [one.stage for one in runs.values()]
        launcher = build_launcher(args, len(stages))
        failures = run_stages(stages, launcher, keep_going=True, attempts=ATTEMPTS)
    reports = [(*one, one[0].records(one[2])) for one in possible]
    if args.report_only:
        reports = [one for one in reports if has_runs(*one)]
        if not reports:
            raise InputError(
                '--report-only: there are no finished runs, so no table was written; remove '
                '--report-only, or give --out and the other options of the runs'
            )
    for reproduction, name, table, records in reports:
        out = reproduction.root / name
        note = reproduction.note + ''.join(f'- not run: {failure}\n' for failure in failures)
        if args.minutes:
            note = f'The steps of each training were planned for {args.minutes:g} minutes.\n{note}'
        if args.steps:
            note = f'Each pre-training has {args.steps // EPOCH_STEPS * EPOCH_STEPS} steps.\n{note}'
        if args.crops:
            note = f'Linear evaluations encode {args.crops} crops of a sequence, once.\n{note}'
        found = differences(reproduction, table, args.compare) if args.compare else {}
        report.write(
            *(table, records, reproduction.data, args.budget, out, note),
            *((args.compare, found) if found else ()),
        )
        drawn = table.drawn and not args.leave_one_subject_out
        if drawn and all(x['runs'] for row in records.values() for x in row if x):
            methods = list(dict.fromkeys(cell.method for cell in table.cells))
            draw_features(reproduction, methods, table.drawn, out.with_suffix('.png'))
        if name == 'leaderboard':
            draw_labels(table, records, reproduction.data, Path(f'{out}_labels.png'))
            if not args.leave_one_subject_out:
                draw_minutes(reproduction, table, records, Path(f'{out}_minutes.png'))
        console.print(report.view(table, records, reproduction.data))
        say(console, f'{out}.md')
    if failures:
        raise InputError(
            f'{len(failures)} of {len(runs)} runs failed, so their numbers are blank: {failures[0]}'
        )


def has_runs(
    reproduction: Reproduction | LeaveOneOut, name: str, table: Table, records: report.Records
) -> bool:
    """Return whether a table has a finished run. If it has none, print a line."""
    found = any(record['runs'] for row in records.values() for record in row if record)
    if not found:
        say(
            get_console(),
            f'not written: {name} on {reproduction.data} has no finished run in '
            f'{reproduction.root}',
        )
    return found


def show_plan(runs: Sequence[Run], jobs: int) -> None:
    """Print all runs and their costs."""
    console = get_console()
    names = (Column(name, overflow='fold') for name in ('run', 'config'))
    view = View(*names, 'epochs', 'sequences', 'PFLOP', 'hours', title='plan', box=None)
    for column in view.columns[2:]:
        column.no_wrap = True
        column.justify = 'right'
    say(console, 'counting operations; each new kind of run takes some seconds')
    total, rate, marks = 0.0, multiply_rate(), set()
    options = {'console': console, 'transient': True, 'disable': not console.is_terminal}
    for one in track(runs, 'counting', **options):
        counted = not (one.stage.finished or one.minutes)
        if counted and not console.is_terminal:
            say(console, f'counting: {one.stage.name}')
        cost = estimate(one) if counted else None
        row = ['done' if one.stage.finished else '?'] * 3
        if cost:
            total += cost.hours(rate)
            mark = '*' if cost.official else ''
            row = [
                f'{cost.sequences:,}{mark}',
                f'{2 * cost.flops / 1e15:.3f}',
                f'{cost.hours(rate):.2f}',
            ]
        elif one.minutes and not one.stage.finished:
            total += one.minutes / 60
            row = ['', '', f'{one.minutes / 60:.2f}']
        marks |= set(row[0][-1:])
        config = one.stage.command[1].removeprefix('configs/')
        view.add_row(one.stage.name, config, str(one.epochs), *row)
    console.print(view)
    about = 'at least' if '?' in marks else 'about'
    hours = f'{about} {total / jobs:.1f} hours with {jobs} at a time'
    if not total and '?' in marks:
        hours = 'the hours are unknown'
    say(
        console,
        f'{len(runs)} run{"s" * (len(runs) > 1)}, {hours}. A training reaches about half of the '
        f'measured speed of a CPU thread ({2 * rate / 1e9:.0f} GFLOP/s)',
    )
    for mark, meaning in NOTES.items():
        if mark in marks:
            say(console, f'{mark}: {meaning}')
