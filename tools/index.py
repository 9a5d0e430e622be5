"""Build an index of encoded motions, and search in it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmcmd.arguments import add_trust_option
from mmcmd.cli import parse, run
from mmcmd.errors import InputError

if TYPE_CHECKING:
    from mmcmd.inference import SkeletonEncoderInferencer
    from mmcmd.retrieval import Neighbour


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    build = commands.add_parser('build', help='encode recordings and write an index of them')
    build.add_argument('checkpoint', help='checkpoint of the encoder, also a published one')
    build.add_argument('source', nargs='+', help='pickle, or another file or folder of recordings')
    build.add_argument('--out', required=True, metavar='FOLDER', help='folder of the index')
    build.add_argument(
        '--add', action='store_true', help='add the recordings to the existing index in --out'
    )
    build.add_argument(
        '--approximate',
        action='store_true',
        help='also build an approximate index with FAISS, for millions of recordings',
    )
    search = commands.add_parser('search', help='find the nearest motions in an index')
    search.add_argument('checkpoint', help='checkpoint that made the index')
    search.add_argument('index', help='folder of the index')
    search.add_argument('source', nargs='*', help='files of the recordings to search for')
    search.add_argument(
        '--name', nargs='+', default=[], help='search for these entries of the index'
    )
    search.add_argument('--class', dest='label', help='search for a class: its number or its name')
    search.add_argument('-k', type=int, default=5, help='number of neighbours (default: 5)')
    search.add_argument('--stream', help='stream to compare (default: all streams together)')
    search.add_argument(
        '--together', action='store_true', help='take all files as examples of one motion'
    )
    search.add_argument('--approximate', action='store_true', help='use the approximate index')
    for command in (build, search):
        command.add_argument(
            '--layout', help='joint layout (a name or a JSON file), if the files do not store it'
        )
        command.add_argument(
            '--map-joints',
            choices=['nearest'],
            help='if the files lack a joint of the encoder, use the nearest joint in its place',
        )
        command.add_argument(
            '--format', help='format of the files (default: all known formats are tried)'
        )
        command.add_argument('--split', help='split of a pickle, such as xsub_train (default: all)')
        command.add_argument('--streams', nargs='+', help='streams to encode (default: all)')
        command.add_argument(
            '--device', help='such as cpu or cuda (default: the GPU, if there is one)'
        )
        add_trust_option(command)
    return parse(parser)


def build(args: argparse.Namespace, encoder: 'SkeletonEncoderInferencer') -> None:
    from mmcmd.inference import build_index
    from mmcmd.retrieval import MotionIndex

    out = Path(args.out)
    if args.add and not out.exists():
        raise InputError(f'--add: there is no index {out}; remove --add to make one')
    index = build_index(encoder, args.source, args.layout, args.format, args.split)
    if args.add:
        index = MotionIndex.open(out, encoder.hashes).add(index)
    note = ''
    if args.approximate:
        facts = index.build_approximate()
        note = f', approximate: recall@{facts["k"]} {facts["recall"]:.3f}'
    index.save(out)
    sizes = ', '.join(f'{name} {x.shape[1]}' for name, x in index.vectors.items())
    print(f'{out}: {len(index)} entries, {sizes}{note}')


def search(args: argparse.Namespace, encoder: 'SkeletonEncoderInferencer') -> None:
    from mmcmd.inference import MotionRetriever
    from mmcmd.retrieval import MotionIndex

    given = [bool(args.source), bool(args.name), args.label is not None]
    if sum(given) != 1:
        raise InputError('search for one of: files, --name ENTRY ..., --class NUMBER or NAME')
    ignored = [f'--{x}' for x in ('layout', 'format', 'split', 'together') if getattr(args, x)]
    if ignored and not args.source:
        raise InputError(f'{ignored[0]} is for files, but the query is in the index; remove it')
    retriever = MotionRetriever(encoder, MotionIndex.open(args.index, encoder.hashes))
    options = {'k': args.k, 'stream': args.stream, 'exact': not args.approximate}
    if args.name:
        results = {' and '.join(args.name): retriever.like(*args.name, **options)}
    elif args.label is not None:
        is_number = args.label.isdecimal() and args.label not in retriever.index.classes
        label = int(args.label) if is_number else args.label
        results = {f'class {args.label}': retriever.like_class(label, **options)}
    else:
        features = encoder(args.source, layout=args.layout, fmt=args.format, split=args.split)
        found = retriever(features, together=args.together, **options)
        names = ['all examples together'] if args.together else features.names
        results = dict(zip(names, found, strict=True))
    for name, neighbours in results.items():
        show(name, neighbours)


def show(query: str, neighbours: list['Neighbour']) -> None:
    from rich.table import Column, Table

    from mmcmd.terminal import get_console

    name, kind = Column('name', overflow='fold'), Column('class', overflow='fold')
    table = Table('', name, kind, 'similarity', title=query, title_justify='left')
    for rank, found in enumerate(neighbours, 1):
        table.add_row(str(rank), found.name, found.class_name, f'{found.similarity:.3f}')
    get_console().print(table)


def main() -> None:
    args = parse_args()
    from mmcmd.inference import SkeletonEncoderInferencer

    encoder = SkeletonEncoderInferencer(
        args.checkpoint, args.device, args.streams, map_joints=args.map_joints
    )
    {'build': build, 'search': search}[args.command](args, encoder)


if __name__ == '__main__':
    run(main)
