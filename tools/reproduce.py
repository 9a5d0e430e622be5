"""Reproduce published tables: run what is missing, and write our numbers beside the published."""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.table import Table as View

from mmcmd.cli import run
from mmcmd.errors import InputError
from mmcmd.reproduction import report
from mmcmd.reproduction.clock import Clock
from mmcmd.reproduction.cost import estimate, multiply_rate
from mmcmd.reproduction.drawing import draw_features
from mmcmd.reproduction.launchers import Launcher, LocalLauncher, visible_gpus
from mmcmd.reproduction.leaderboard import draw_labels, draw_minutes
from mmcmd.reproduction.leave_one_out import LeaveOneOut, folder_of, subjects_of
from mmcmd.reproduction.names import datasets
from mmcmd.reproduction.paper import Table
from mmcmd.reproduction.papers import TABLES, get_method
from mmcmd.reproduction.run import Run
from mmcmd.reproduction.runs import Reproduction
from mmcmd.reproduction.schedule import run_stages
from mmcmd.reproduction.significance import differences
from mmcmd.reproduction.stages import Stage

ATTEMPTS = 3
NOTES = {
    '*': 'the data are not there; counted with the official number of sequences',
    '?': 'the data are not there, and no official number of sequences is known: not in the total',
}

Plan = tuple[Reproduction | LeaveOneOut, str, Table]
"""The runs of a data set and an encoder, and the name and content of a table of these runs."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'tables', nargs='+', choices=TABLES, metavar='TABLE', help=', '.join(TABLES)
    )
    parser.add_argument(
        '--data',
        required=True,
        help='data set, such as bandai2_xstyle or synthetic; ntu60 means all its splits',
    )
    parser.add_argument(
        '--budget',
        choices=('small', 'paper'),
        default='small',
        help='small: reduced for a CPU; paper: as published (default: small)',
    )
    parser.add_argument(
        '--seeds', type=int, default=1, help='number of seeds: 0, 1, ... (default: 1)'
    )
    parser.add_argument(
        '--encoder',
        help='a name in configs/_base_/encoders (default: the published encoder of the table)',
    )
    parser.add_argument(
        '--methods', nargs='+', metavar='METHOD', help='run only these methods (default: all)'
    )
    parser.add_argument(
        '--minutes',
        type=float,
        help='time in minutes for each pre-training, and for each supervised training of the '
        'leaderboard; short runs measure first how many steps fit into it',
    )
    parser.add_argument(
        '--ann-file', type=Path, help='annotation pickle, instead of the one in the config'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/reproduce'), help='folder for runs and tables'
    )
    parser.add_argument(
        '--jobs',
        type=int,
        help='number of parallel runs (default: number of GPUs, or of CPU cores; with --minutes: '
        '1 on all cores; in Slurm: all runs)',
    )
    parser.add_argument(
        '--slurm',
        nargs='*',
        metavar='OPTION=VALUE',
        help='submit each run as a Slurm job, with these long options of sbatch, such as '
        'partition=gpu time=24:00:00 account=NAME (see docs/clusters.md)',
    )
    parser.add_argument(
        '--compare',
        metavar='METHOD',
        help='test which methods of a table differ from this method by more than the spread of '
        'seeds and test sequences',
    )
    held_out = parser.add_mutually_exclusive_group()
    held_out.add_argument(
        '--select',
        type=int,
        nargs='?',
        const=0,
        metavar='FOLD',
        help='measure on a fifth of the training subjects (fold 0 to 4, default 0), and do not '
        'read the test split',
    )
    held_out.add_argument(
        '--leave-one-subject-out',
        action='store_true',
        help='repeat everything for each subject: train on the others, test on this subject; '
        'then average',
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--dry-run', action='store_true', help='print the plan and its cost')
    what.add_argument(
        '--report-only',
        action='store_true',
        help='run nothing, only write the tables of finished runs',
    )
    args = parser.parse_args()
    for method in [*(args.methods or ()), *([args.compare] if args.compare else [])]:
        get_method(method)
    if args.compare and args.leave_one_subject_out:
        raise InputError('--compare needs one test split, and --leave-one-subject-out has many')
    if args.seeds < 1:
        raise InputError(f'--seeds must be at least 1, got {args.seeds}')
    if args.minutes is not None and args.minutes <= 0:
        raise InputError(f'--minutes must be above 0, got {args.minutes:g}')
    for option in args.slurm or ():
        if '=' not in option or option.startswith('-'):
            raise InputError(f'--slurm takes OPTION=VALUE without dashes, got {option!r}')
    return args


def build_launcher(args: argparse.Namespace, runs: int) -> Launcher:
    """Return the launcher of the runs: processes on this machine, or Slurm jobs."""
    if args.slurm is None and args.minutes and not args.jobs and not visible_gpus():
        return LocalLauncher(1, threads=os.cpu_count())
    if args.slurm is None:
        return LocalLauncher(args.jobs)
    from mmcmd.reproduction.slurm import SlurmLauncher  # needs the extra `cluster`

    options = dict(option.split('=', 1) for option in args.slurm)
    return SlurmLauncher(options, runs if args.jobs is None else args.jobs)


def plan(args: argparse.Namespace) -> list[Plan]:
    """Return each table of each data set with its runs. Tables with the same encoder share runs."""
    plans, known = [], {}
    for data, name in product(datasets(args.data), args.tables):
        table = TABLES[name].only(args.methods) if args.methods else TABLES[name]
        if not table.rows:
            raise InputError(f'{name} has none of the methods {", ".join(args.methods)}')
        # With --encoder, all rows use this encoder. Otherwise each row uses its published encoder.
        # A row of the leaderboard that names an encoder always keeps it.
        first = args.encoder or table.encoder
        encoders = (first, *(() if args.encoder and not table.baselines else table.encoders))
        make = partial(reproduce, args, data, encoders, table.clip_len, known)
        if not args.leave_one_subject_out:
            held_out = {} if args.select is None else {'select': args.select}
            plans.append((make(held_out, f'select-{args.select}' if held_out else ''), name, table))
            continue
        parts = {
            subject: make({'without': subject}, folder_of(subject))
            for subject in subjects_of(data, args.ann_file)
        }
        plans.append((LeaveOneOut(parts), name, table))
    return plans


def reproduce(
    args: argparse.Namespace,
    data: str,
    encoders: Sequence[str],
    clip_len: int | None,
    known: dict[tuple[str, int | None, str], dict[str, Reproduction]],
    held_out: dict[str, str | int],
    folder: str,
) -> Reproduction:
    """Return the runs of the first encoder. They have a reference to those of the others."""
    others = known.setdefault((data, clip_len, folder), {})
    for encoder in encoders:
        if encoder not in others:
            name = f'{Path(data).stem}-{encoder}-{args.budget}'
            name += f'-{clip_len}frames' if clip_len else ''
            name += f'-{args.minutes:g}min' if args.minutes else ''
            root = args.out / name / folder
            others[encoder] = Reproduction(
                data,
                root,
                range(args.seeds),
                args.budget,
                encoder,
                ann_files={data: args.ann_file} if args.ann_file else {},
                clip_len=clip_len,
                clock=Clock(args.minutes, root / 'rates') if args.minutes else None,
                others=others,
                held_out=held_out,
            )
    return others[encoders[0]]


def find_runs(plans: Sequence[Plan]) -> tuple[dict[Path, Run], list[Plan]]:
    """Return the runs of all tables, and the tables that have runs."""
    runs, possible, reason = {}, [], None
    for one in plans:
        try:
            runs |= {run.stage.work_dir: run for run in one[0].runs(one[2])}
            possible.append(one)
        except InputError as error:  # a table may be possible for one split only
            reason = error
            print(f'left out: {one[2].title}, {one[0].data}: {error}')
    if not possible:
        raise reason
    return runs, possible


def measurements(plans: Sequence[Plan]) -> list[Stage]:
    """Return the speed measurements that are missing, and that ``--minutes`` needs."""
    whole = [part for one in plans for part in getattr(one[0], 'parts', {'': one[0]}).values()]
    parts = [other for part in whole for other in part.others.values()]
    clocks = {id(part.clock): part.clock for part in parts if part.clock}
    stages = [stage for clock in clocks.values() for stage in clock.stages.values()]
    return [stage for stage in stages if not stage.finished]


def main() -> None:
    args = parse_args()
    runs, possible = find_runs(plan(args))
    missing = measurements(possible)
    if args.dry_run:
        jobs = build_launcher(args, len(runs)).size if args.slurm is None else len(runs)
        show_plan(list(runs.values()), jobs)
        if missing:
            print(f'{len(missing)} short runs measure first how many steps fit into the minutes')
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
                '--report-only: nothing was run, so no table was written; leave --report-only out, '
                'or give --out and the other options of the runs'
            )
    for reproduction, name, table, records in reports:
        out = reproduction.root / name
        note = reproduction.note + ''.join(f'- not run: {failure}\n' for failure in failures)
        if args.minutes:
            note = f'The steps of each training were planned for {args.minutes:g} minutes.\n{note}'
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
        Console().print(report.view(table, records, reproduction.data))
        print(f'{out}.md')
    if failures:
        raise InputError(f'{len(failures)} runs failed, their numbers are blank: {failures[0]}')


def has_runs(
    reproduction: Reproduction | LeaveOneOut, name: str, table: Table, records: report.Records
) -> bool:
    """Return whether a table has a finished run. If it has none, print a line."""
    found = any(record['runs'] for row in records.values() for record in row if record)
    if not found:
        print(
            f'not written: {name} on {reproduction.data} has no finished run in {reproduction.root}'
        )
    return found


def show_plan(runs: Sequence[Run], jobs: int) -> None:
    """Print all runs and their costs."""
    view = View('run', 'config', 'epochs', 'sequences', 'PFLOP', 'hours', title='plan')
    for column in view.columns[2:]:
        column.justify = 'right'
    total, rate, marks = 0.0, multiply_rate(), set()
    for one in runs:
        cost = None if one.stage.finished or one.minutes else estimate(one)
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
        view.add_row(one.stage.name, one.stage.command[1], str(one.epochs), *row)
    Console().print(view)
    print(
        f'{len(runs)} runs, about {total / jobs:.1f} hours with {jobs} at a time, one CPU thread '
        f'each ({2 * rate / 1e9:.0f} GFLOP/s measured, half of it used)'
    )
    for mark, meaning in NOTES.items():
        if mark in marks:
            print(f'{mark}: {meaning}')


if __name__ == '__main__':
    run(main)
