"""Make the data set `synthetic`: simulated actions in the raw format of a real data set."""

import argparse
import os

from mmcmd.cli import parse, run

FORMATS = 'bandai2', 'msraction3d', 'ntu', 'nwucla', 'pkummd', 'utdmhad', 'utkinect'
DEFAULTS = {'subjects': 24, 'actions': 16, 'replications': 1}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out_dir', help='folder to write: new, empty, or with the same data set')
    parser.add_argument(
        '--format',
        choices=FORMATS,
        default='ntu',
        metavar='NAME',
        help=f'raw format to write: {", ".join(FORMATS)} (default: ntu)',
    )
    parser.add_argument('--seed', type=int, default=0, help='random seed (default: 0)')
    for name, default in DEFAULTS.items():
        told = f'number of {name} (default: {default}, or the limit of the format)'
        parser.add_argument(f'--{name}', type=int, help=told)
    parser.add_argument(
        '--cameras', type=int, nargs='+', default=(1, 2, 3), help='some of 1 2 3 (default: all)'
    )
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='number of processes')
    return parse(parser)


def main() -> None:
    args = parse_args()
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    from mmcmd.synthetic import FORMATS, LABEL, generate
    from mmcmd.terminal import get_console

    fmt = FORMATS[args.format]
    plan = fmt.plan(
        seed=args.seed,
        subjects=args.subjects,
        actions=args.actions,
        replications=args.replications,
        cameras=tuple(args.cameras),
    )
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    console = get_console(stderr=True)
    hidden = not console.is_terminal  # elsewhere a bar would leave an empty line
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task('writing skeletons', total=fmt.count(plan))
        written = generate(
            args.out_dir,
            plan,
            args.jobs,
            on_files=lambda count: bar.advance(task, count),
            fmt=args.format,
        )
    told = f'{written} files written' if written else 'the data set was there already: reused'
    print(f'{args.out_dir}: {told} (simulated data, see {LABEL})')


if __name__ == '__main__':
    run(main)
