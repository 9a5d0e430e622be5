"""Convert a raw data set to an annotation pickle for mmcmd, and write a report beside it.

With `inspect` in place of a format, print what a pickle holds, and what looks wrong in it.
"""

import argparse
import logging
import os
import textwrap

from mmcmd.cli import parse, run
from mmcmd.errors import InputError

INSPECT = 'inspect'
FORMATS = {
    'agcn': '2s-AGCN, MS-G3D, CMD: a folder of train_data_joint.npy, train_label.pkl and so on',
    'bandai2': 'Bandai-Namco-Research-Motiondataset-2: a folder of BVH files',
    'bvh': 'motion capture: a folder of BVH files with one rig',
    'csv': 'your own data with any joints: a folder of tables',
    'ctrgcn': 'CTR-GCN and its relatives: one archive, for example NTU60_CS.npz',
    'merge': 'a folder of pickles, which become one pickle with the same joints',
    'msraction3d': 'MSR-Action3D: a folder of skeletons in real-world coordinates',
    'npy': 'your own data with any joints: a folder of arrays',
    'npz': 'your own data with any joints: one archive',
    'ntu': 'NTU RGB+D 60 and 120: a folder of .skeleton files',
    'nwucla': 'Northwestern-UCLA: a folder of the JSON files of all_sqe',
    'pkummd': 'PKU-MMD, phase I or II: a folder of skeletons, labels and lists',
    'pyskl': 'pickles of pyskl and mmaction2, for example ntu60_3danno.pkl',
    'utdmhad': 'UTD-MHAD: a folder of skeletons (.mat)',
    'utkinect': 'UTKinect-Action3D: a folder of skeletons and actionLabel.txt',
}
TOTALS = 'ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset', 'pkummd2_xsub'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='\n\n'.join(textwrap.fill(x, 79) for x in __doc__.strip().split('\n\n')),
        epilog=_formats(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('format', help='format of the source (below), or inspect')
    parser.add_argument('source', help='folder or file of the raw data; for inspect, a pickle')
    parser.add_argument('--out', metavar='FILE.pkl', help='pickle to write')
    parser.add_argument(
        '--jobs',
        type=int,
        default=os.cpu_count(),
        help='number of processes (default: all CPU cores)',
    )
    parser.add_argument(
        '--strict',
        action='store_true',
        help='end with an error if a sequence was left out because it cannot be used; with '
        'inspect, if anything looks wrong',
    )
    parser.add_argument(
        '--drop-twins',
        action='store_true',
        help='if several sequences have the same coordinates, keep only the first by name',
    )
    parser.add_argument(
        '--normalize',
        action='store_true',
        help='centre and turn the skeletons now, instead of each time a sequence is loaded',
    )
    parser.add_argument(
        '--split-by',
        metavar='FIELD',
        help='make a training and a validation split by a field of the sequences, such as subject; '
        'with random, a fifth of each class is for validation',
    )
    parser.add_argument(
        '--val-subjects',
        nargs='+',
        dest='val_values',
        metavar='VALUE',
        help='with --split-by: the subjects (or values of another field) for validation',
    )
    parser.add_argument(
        '--missing', metavar='LIST', help='ntu: file with the names of sequences to leave out'
    )
    parser.add_argument('--actions', metavar='1-60', help='ntu: numbers of the actions to keep')
    parser.add_argument(
        '--bodies',
        choices=('energetic', 'joined'),
        help='ntu: energetic keeps the two bodies that move most (default); joined leaves out '
        'noise and joins the other bodies to two persons, as in the data of MAMP, STARS and SLiM',
    )
    parser.add_argument(
        '--test-subject',
        type=int,
        metavar='N',
        help='nwucla: the subject in the validation split of xsub (default: 10)',
    )
    parser.add_argument(
        '--layout',
        metavar='NAME|FILE.json',
        help='pyskl, npy, npz, csv, bvh: joint layout; merge: joint layout of the result',
    )
    parser.add_argument(
        '--labels',
        metavar='TABLE.csv',
        help='npy, npz, csv, bvh: table with the name, label and split of each sequence',
    )
    parser.add_argument(
        '--dimensions',
        type=int,
        choices=(2, 3),
        help='your own data, pyskl: whether the third number of a joint is z (3) or a confidence '
        '(2)',
    )
    parser.add_argument(
        '--confidence',
        type=float,
        metavar='LEAST',
        help='your own data, pyskl: the third number of a joint is a confidence; a joint with at '
        'most LEAST becomes missing',
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
        help='bvh: do not turn the bodies to face the sensor',
    )
    parser.add_argument(
        '--map-joints',
        choices=('nearest',),
        help='merge: if a pickle lacks a joint, use the nearest joint in its place',
    )
    parser.add_argument(
        '--split',
        metavar='NAME',
        help='agcn, ctrgcn: name of the split, such as xsub; merge: the pair of splits to take, '
        'if a pickle has several',
    )
    parser.add_argument(
        '--valid', metavar='LIST', help='msraction3d: file with the names of the sequences to keep'
    )
    parser.add_argument(
        '--like-authors',
        action='store_const',
        const=True,
        help='pkummd: keep empty intervals, and put recordings that are in no list into the '
        'validation split, as the program of the authors of CMD does',
    )
    parser.add_argument(
        '--expect',
        choices=TOTALS,
        metavar='NAME',
        help='inspect: compare the numbers of sequences with the official ones of this split: '
        f'{", ".join(TOTALS)}',
    )
    args = parse(parser)
    if args.format != INSPECT and args.out is None:
        parser.error('--out is required')
    return args


def _formats() -> str:
    lines = []
    for name, text in FORMATS.items():
        lines += textwrap.wrap(text, 79, initial_indent=f'  {name:12}', subsequent_indent=' ' * 14)
    return '\n'.join(['formats:', *lines])


def inspect(source, jobs, expect=None, strict=False, **options):
    for name, value in options.items():
        if value:
            name = 'val-subjects' if name == 'val_values' else name.replace('_', '-')
            raise InputError(
                f'{INSPECT} takes no option {name!r}, it only reads; to change a pickle, convert '
                'it again (format pyskl)'
            )
    from mmcmd.datasets.annotations.inspection import inspect_annotations
    from mmcmd.datasets.annotations.inspection_tables import print_inspection
    from mmcmd.datasets.annotations.reading import load_annotations
    from mmcmd.terminal import get_console

    data = load_annotations(source)
    found = inspect_annotations(data, expect)
    print_inspection(found, get_console())
    return 1 if strict and found.findings else 0


def main() -> int:
    args = vars(parse_args())
    fmt, out = args.pop('format'), args['out']
    if fmt == INSPECT:
        return inspect(**args)
    from mmcmd.datasets.converters import convert

    summary = convert(fmt, **args)
    print(f'{out}: {summary}')
    from mmengine.logging import print_log

    from mmcmd.datasets.annotations.inspection import body_findings

    for finding in body_findings(summary.annotations, summary.facts):
        print_log(finding, 'current', logging.WARNING)
    return 0


if __name__ == '__main__':
    run(main)
