"""Convert a raw data set to an annotation pickle for mmcmd, and write a report beside it.

With `inspect` in place of a format, print what a pickle holds, and what in it looks wrong.
"""

import argparse
import os

from rich.console import Console

from mmcmd.cli import run
from mmcmd.datasets.annotations.inspection import inspect_annotations
from mmcmd.datasets.annotations.inspection_tables import print_inspection
from mmcmd.datasets.annotations.official_totals import TOTALS
from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS

INSPECT = 'inspect'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_formats(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('format', help='format of the source (below), or inspect')
    parser.add_argument('source', help='folder or file of the raw data; for inspect, a pickle')
    parser.add_argument('--out', metavar='FILE.pkl', help='pickle to write')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='number of processes')
    parser.add_argument(
        '--strict',
        action='store_true',
        help='fail if an item was skipped; with inspect, fail if anything looks wrong',
    )
    parser.add_argument(
        '--drop-twins',
        action='store_true',
        help='if several sequences have the same coordinates, keep only one of them',
    )
    parser.add_argument(
        '--normalize',
        action='store_true',
        help='centre and turn the skeletons now, instead of each time a sequence is loaded',
    )
    parser.add_argument(
        '--split-by',
        metavar='FIELD',
        help='add a split by a field of the samples, such as subject; with random, a fifth of each '
        'class is for validation',
    )
    parser.add_argument(
        '--val-subjects',
        nargs='+',
        dest='val_values',
        metavar='VALUE',
        help='with --split-by: subjects (or values of another field) that are for validation',
    )
    parser.add_argument('--missing', metavar='LIST', help='ntu: names of samples to leave out')
    parser.add_argument('--actions', metavar='1-60', help='ntu: actions to keep')
    parser.add_argument(
        '--bodies',
        choices=('energetic', 'joined'),
        help='ntu: keep the two bodies that move most (default), or leave out noise and join the '
        'others to two persons, as in the data of MAMP, STARS and SLiM',
    )
    parser.add_argument(
        '--test-subject',
        type=int,
        metavar='N',
        help='nwucla: subject held out in xsub (default: 10)',
    )
    parser.add_argument(
        '--layout',
        metavar='NAME|FILE.json',
        help='pyskl, npz, csv, bvh: joint layout; merge: joint layout of the result',
    )
    parser.add_argument(
        '--labels',
        metavar='TABLE.csv',
        help='npz, csv, bvh: table with the name, label and split of each sequence',
    )
    parser.add_argument(
        '--dimensions',
        type=int,
        choices=(2, 3),
        help='npz, csv, pyskl: whether the third number of a joint is z (3) or a confidence (2)',
    )
    parser.add_argument(
        '--confidence',
        type=float,
        metavar='LEAST',
        help='npz, csv, pyskl: the third number is a confidence; joints at or below LEAST are '
        'missing',
    )
    parser.add_argument(
        '--units',
        metavar='m|cm|mm|in|METRES',
        help='bvh: unit of length (default: found from the height of the bodies)',
    )
    parser.add_argument('--fps', type=float, help='bvh: frames per second to keep (default: all)')
    parser.add_argument(
        '--up', choices=('y', 'z'), help='bvh: axis that points upwards (default: y)'
    )
    parser.add_argument(
        '--keep-heading',
        action='store_const',
        const=True,
        help='bvh: do not turn the bodies towards the sensor',
    )
    parser.add_argument(
        '--map-joints',
        choices=('nearest',),
        help='merge: if a file lacks joints, use its nearest joints instead',
    )
    parser.add_argument(
        '--split',
        metavar='NAME',
        help='agcn, ctrgcn, merge: name of the split, such as xsub',
    )
    parser.add_argument(
        '--valid', metavar='LIST', help='msraction3d: names of the sequences to keep'
    )
    parser.add_argument(
        '--like-authors',
        action='store_const',
        const=True,
        help='pkummd: keep empty intervals, and test on recordings that are in no list, like CMD',
    )
    parser.add_argument('--expect', choices=TOTALS, help='inspect: official totals to compare with')
    args = parser.parse_args()
    if args.format != INSPECT and args.out is None:
        parser.error('--out is required')
    return args


def _formats() -> str:
    formats = sorted(CONVERTERS.module_dict.items())
    lines = [f'  {name:12}{cls.__doc__.splitlines()[0]}'.replace('``', '') for name, cls in formats]
    return '\n'.join(['formats:', *lines])


def inspect(source, jobs, expect=None, strict=False, **options):
    for name, value in options.items():
        if value:
            raise InputError(
                f'{INSPECT} takes no option {name!r}, it only reads; to change a pickle, convert '
                'it again (format pyskl)'
            )
    data = load_annotations(source)
    found = inspect_annotations(data, expect)
    print_inspection(found, Console())
    return 1 if strict and found.findings else 0


def main() -> int:
    args = vars(parse_args())
    fmt, out = args.pop('format'), args['out']
    if fmt == INSPECT:
        return inspect(**args)
    summary = convert(fmt, **args)
    print(f'{out}: {summary}')
    return 0


if __name__ == '__main__':
    run(main)
