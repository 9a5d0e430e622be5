"""Reproduce published tables: run what is missing, and write our numbers beside the published."""

import argparse
from pathlib import Path

from mmcmd.arguments import BUDGETS
from mmcmd.cli import parse, run
from mmcmd.errors import InputError
from mmcmd.reproduction.papers import TABLES, get_method


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
        choices=BUDGETS,
        default='small',
        help='small: reduced for a CPU; own: the same sizes with the published batch, optimiser '
        'and schedule; paper: as published (default: small)',
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
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        '--steps',
        type=int,
        help='number of steps of each pre-training, and of each supervised training of the '
        'leaderboard (default: the epochs in the configs)',
    )
    length.add_argument(
        '--minutes',
        type=float,
        help='time in minutes for each pre-training, and for each supervised training of the '
        'leaderboard; short runs measure first how many steps fit into it',
    )
    parser.add_argument(
        '--crops',
        type=int,
        help='number of crops of each training sequence that a linear evaluation encodes once, '
        'if its config encodes a new crop in each epoch (default: as in the config)',
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
        help='number of parallel runs, which share the GPUs (default: number of GPUs, or of CPU '
        'cores; with --minutes: 1 on all cores; in Slurm: all runs)',
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
    args = parse(parser)
    for method in [*(args.methods or ()), *([args.compare] if args.compare else [])]:
        get_method(method)
    if args.compare and args.leave_one_subject_out:
        raise InputError('--compare needs one test split, and --leave-one-subject-out has many')
    if args.seeds < 1:
        raise InputError(f'--seeds must be at least 1, got {args.seeds}')
    if args.minutes is not None and args.minutes <= 0:
        raise InputError(f'--minutes must be above 0, got {args.minutes:g}')
    if args.crops is not None and args.crops < 1:
        raise InputError(f'--crops must be at least 1, got {args.crops}')
    if args.crops is not None and 'crops' in args.tables:
        raise InputError('the table crops compares numbers of crops; remove --crops')
    for option in args.slurm or ():
        if '=' not in option or option.startswith('-'):
            raise InputError(f'--slurm takes OPTION=VALUE without dashes, got {option!r}')
    return args


def main() -> None:
    args = parse_args()
    from mmcmd.reproduction.command import reproduce_tables

    reproduce_tables(args)


if __name__ == '__main__':
    run(main)
