"""Make the stand-in data set: simulated actions as NTU ``.skeleton`` files."""

import argparse
import os

from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from mmcmd.apis.cli import run
from mmcmd.datasets.synthetic import LABEL, Plan, generate


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out_dir', help='folder to fill: new, empty or with the same data set')
    parser.add_argument('--seed', type=int, default=Plan.seed)
    parser.add_argument('--subjects', type=int, default=Plan.subjects)
    parser.add_argument('--actions', type=int, default=Plan.actions)
    parser.add_argument('--replications', type=int, default=Plan.replications)
    parser.add_argument(
        '--cameras', type=int, nargs='+', default=Plan.cameras, help='some of 1 2 3 (default: all)'
    )
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='number of processes')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    plan = Plan(args.seed, args.subjects, args.actions, args.replications, tuple(args.cameras))
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as bar:
        task = bar.add_task('writing skeletons', total=plan.size)
        written = generate(
            args.out_dir, plan, args.jobs, on_files=lambda count: bar.advance(task, count)
        )
    told = f'{written} files written' if written else 'the data set was there already: reused'
    print(f'{args.out_dir}: {told} (synthetic data, see {LABEL})')


if __name__ == '__main__':
    run(main)
