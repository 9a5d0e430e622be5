"""Run recordings of the authors' code with ours: python -m tests.golden FOLDER [METHOD ...]."""

import argparse
from pathlib import Path

from mmcmd.cli import run
from tests.golden import harness


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.golden', description=__doc__)
    parser.add_argument('folder', type=Path, help='folder of recordings (.npz)')
    parser.add_argument(
        'methods',
        nargs='*',
        metavar='METHOD',
        help=f'names of recordings, of {", ".join(harness.RUNNERS)} (default: all there are)',
    )
    args = parser.parse_args()
    return harness.main(args.folder, args.methods)


if __name__ == '__main__':
    run(main)
