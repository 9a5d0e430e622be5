"""Print and draw the scalars in the logs of training runs, and print the speed of the runs."""

import argparse
from pathlib import Path

from mmcmd.cli import run
from mmcmd.errors import InputError

DEFAULT = ('loss', 'knn/top1', 'acc/top1')


def label(path: Path) -> str:
    """Return a name for a run: the name of its work dir."""
    path = path.resolve()
    return path.parents[2].name if path.is_file() and len(path.parents) > 2 else path.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'logs',
        nargs='+',
        type=Path,
        metavar='LOG',
        help='work dir (its log includes all resumed runs), or one scalars.json',
    )
    parser.add_argument(
        '--keys',
        nargs='+',
        help=f'scalars, such as loss_joint knn/top1 (default: {", ".join(DEFAULT)}, if the log '
        'has them)',
    )
    parser.add_argument(
        '--out', type=Path, help='PNG file for the curves, with one panel per scalar'
    )
    args = parser.parse_args()

    from rich.table import Column, Table

    from mmcmd.terminal import get_console
    from mmcmd.visualization.logs import read_log, read_scalars, scalar_names, training_speed

    records = {path: read_log(path) for path in args.logs}
    names = {path: scalar_names(found) for path, found in records.items()}
    for path, there in names.items():
        if not there:
            raise InputError(f'{path} has no log of training (TIMESTAMP/vis_data/scalars.json)')
        for key in args.keys or ():
            if key not in there:
                raise InputError(f'{path} has no scalar {key!r}; it has {", ".join(there)}')
    everywhere = set().union(*names.values())
    keys = args.keys or [key for key in DEFAULT if key in everywhere]

    labels = {path: label(path) for path in args.logs}
    if len(set(labels.values())) < len(labels):
        labels = {path: str(path) for path in args.logs}
    console = get_console()
    names = (Column(name, overflow='fold') for name in ('run', 'scalar'))
    table = Table(*names, 'epochs', 'first', 'last', 'lowest', 'highest')
    for path in args.logs:
        for key in keys:
            epochs, values = read_scalars(path, key)
            if len(epochs):
                numbers = values[0], values[-1], values.min(), values.max()
                epochs = f'{epochs[0]} to {epochs[-1]}'
                table.add_row(labels[path], key, epochs, *(f'{x:.4g}' for x in numbers))
    console.print(table)
    for path, found in records.items():
        speed = training_speed(found)
        parts = (
            ('time', '{:.4f} s an iteration'),
            ('data_time', '{:.4f} s of it waiting for data'),
            ('samples_per_s', '{:.1f} sequences a second'),
        )
        text = ', '.join(form.format(speed[name]) for name, form in parts if name in speed)
        console.print(f'{labels[path]}: {text or "no training in this log"}', soft_wrap=True)
    if args.out:
        from mmcmd.visualization import draw_curves

        args.out.parent.mkdir(parents=True, exist_ok=True)
        runs = {name: path for path, name in labels.items()}
        draw_curves(runs, {key: [key] for key in keys}, 'training curves', args.out)
        console.print(f'curves: {args.out}', soft_wrap=True)


if __name__ == '__main__':
    run(main)
