"""Compare random encoders, MoCo and CMD on one data set, over seeds; nothing is run twice."""

import argparse
import json
import os
from pathlib import Path

from mmcmd.apis.cli import run
from mmcmd.apis.comparison import METHODS, Comparison, markdown
from mmcmd.apis.stages import run_stages
from mmcmd.errors import InputError
from mmcmd.fileio import replace_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('data', help='as in the names of the configs: bandai2_xstyle')
    parser.add_argument('--seeds', type=int, default=3, help='seeds 0, 1, ... (default: 3)')
    parser.add_argument('--ann-file', type=Path, help='pickle, where it is not the configs')
    parser.add_argument('--out', type=Path, default=Path('work_dirs'), help='where results go')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='stages at a time')
    args = parser.parse_args()
    if args.seeds < 1:
        raise InputError(f'--seeds must be at least 1, got {args.seeds}')
    for path in METHODS.values():
        if not Path(path.format(args.data)).is_file():
            raise InputError(f'there is no config {path.format(args.data)} for {args.data}')

    comparison = Comparison(
        args.data, args.out / f'compare-{args.data}', range(args.seeds), args.ann_file
    )
    run_stages(comparison.stages(), args.jobs)
    accuracies = comparison.accuracies()
    table = markdown(accuracies)
    for name, text in (('table.md', table), ('table.json', json.dumps(accuracies, indent=2))):
        with replace_file(comparison.root / name) as file:
            file.write(text.encode())
    print(f'\n{table}\n{comparison.root / "table.md"}')


if __name__ == '__main__':
    run(main)
