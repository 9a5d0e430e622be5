"""Plan the runs of tables, as the command line of ``tools/reproduce.py`` says."""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

from mmcmd.errors import InputError
from mmcmd.reproduction.clock import Clock, Steps
from mmcmd.reproduction.launchers import Launcher, LocalLauncher, visible_gpus
from mmcmd.reproduction.leave_one_out import LeaveOneOut, folder_of, subjects_of
from mmcmd.reproduction.names import datasets
from mmcmd.reproduction.paper import Table
from mmcmd.reproduction.papers import TABLES
from mmcmd.reproduction.run import Run
from mmcmd.reproduction.runs import Reproduction
from mmcmd.reproduction.stages import Stage
from mmcmd.terminal import get_console, say

Plan = tuple[Reproduction | LeaveOneOut, str, Table]
"""The runs of a data set and an encoder, and the name and content of a table of these runs."""


def build_launcher(args: argparse.Namespace, runs: int) -> Launcher:
    """Return the launcher of the runs: processes on this machine, or Slurm jobs."""
    if args.slurm is None and args.minutes and not args.jobs and not visible_gpus():
        return LocalLauncher(1, threads=os.cpu_count())
    if args.slurm is None:
        gpus = visible_gpus()
        if args.minutes and gpus and (args.jobs or 0) > len(gpus):
            raise InputError(
                f'--minutes needs a GPU for each job, but --jobs {args.jobs} is more than '
                f'{len(gpus)} (the number of GPUs); lower --jobs, or use --steps'
            )
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
            raise InputError(f'the table {name} has none of the methods {", ".join(args.methods)}')
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
            name += f'-{args.steps}steps' if args.steps else ''
            root = args.out / name / folder
            clock = Clock(args.minutes, root / 'rates') if args.minutes else None
            others[encoder] = Reproduction(
                data,
                root,
                range(args.seeds),
                args.budget,
                encoder,
                ann_files={data: args.ann_file} if args.ann_file else {},
                clip_len=clip_len,
                clock=clock if args.steps is None else Steps(args.steps),
                crops=args.crops,
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
            say(get_console(), f'left out: {one[2].title} on {one[0].data}: {error}')
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
