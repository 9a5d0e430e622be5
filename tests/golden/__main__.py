"""Compare our code with recordings of the authors': python -m tests.golden FOLDER [METHOD ...]."""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from mmcmd.cli import run
from mmcmd.errors import InputError
from tests.golden import harness
from tests.golden.precision import PRECISIONS


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.golden', description=__doc__)
    parser.add_argument('folder', type=Path, help='folder of recordings (.npz)')
    parser.add_argument(
        'methods',
        nargs='*',
        metavar='METHOD',
        help=f'names of recordings, of {", ".join(harness.RUNNERS)} (default: all there are)',
    )
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'], help='(default: cpu)')
    parser.add_argument(
        '--precision', default='float64', choices=PRECISIONS, help='(default: float64)'
    )
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        raise InputError('--device cuda needs a GPU, and torch finds none; leave --device out')
    precision = replace(PRECISIONS[args.precision], device=args.device)
    return harness.main(args.folder, args.methods, precision)


if __name__ == '__main__':
    run(main)
