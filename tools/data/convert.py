"""Convert a raw data set to the annotation pickle that mmcmd trains on, with a report beside it."""

import argparse
import os

from mmcmd.apis.cli import run
from mmcmd.datasets.converters import convert


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('format', help='format of the source, e.g. ntu or bandai2')
    parser.add_argument('source', help='folder or file of the raw data')
    parser.add_argument('--out', required=True, metavar='FILE.pkl', help='pickle to write')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='number of processes')
    parser.add_argument('--strict', action='store_true', help='fail if an item was skipped')
    parser.add_argument('--missing', metavar='LIST', help='ntu: names of samples to leave out')
    parser.add_argument('--actions', metavar='1-60', help='ntu: actions to keep')
    return parser.parse_args()


def main() -> None:
    args = vars(parse_args())
    out = args['out']
    summary = convert(args.pop('format'), **args)
    print(f'{out}: {summary}')


if __name__ == '__main__':
    run(main)
