"""Publish encoders for other users, as a folder for the Hugging Face hub or as one file."""

import argparse
from pathlib import Path
from typing import Any

from mmcmd.arguments import add_trust_option
from mmcmd.cli import parse, run
from mmcmd.errors import InputError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='checkpoint of a training run (.pth)')
    parser.add_argument(
        'out',
        type=Path,
        help='folder with model.safetensors, config.json and README.md; or OUT.pth, which is '
        'written as OUT-xxxxxxxx.pth',
    )
    parser.add_argument(
        '--results',
        type=Path,
        nargs='+',
        default=[],
        help='results.json or test_results.json of evaluations, or their folders, for the model '
        'card; results beside the checkpoint are found without this option',
    )
    parser.add_argument('--data-licence', help='licence of the training data, for the model card')
    parser.add_argument('--licence', help='licence of the weights, such as cc-by-nc-4.0')
    parser.add_argument('--push', metavar='USER/NAME', help='also upload the folder to the hub')
    parser.add_argument(
        '--private', action='store_true', help='with --push: make the repository private'
    )
    parser.add_argument(
        '--keep-all',
        action='store_true',
        help='also keep projections, key encoders and queues; evaluations need only the encoders',
    )
    add_trust_option(parser)
    args = parse(parser)

    from mmcmd.io.checkpoint import load_plain
    from mmcmd.io.files import file_hash
    from mmcmd.io.hub import WEIGHTS, save_folder, upload
    from mmcmd.io.model_card import write_card
    from mmcmd.io.publish import published, write_published

    is_file = args.out.suffix == '.pth'
    if args.push and is_file:
        raise InputError(f'--push uploads a folder, and {args.out} is a file: leave .pth out')

    checkpoint = published(load_plain(args.source, 'cpu'), args.source, args.keep_all)
    add_facts(checkpoint['meta'], args)
    if is_file:
        path = written = write_published(checkpoint, args.out)
    else:
        card = write_card(args.out.resolve().name, checkpoint['meta'], args.push)
        save_folder(checkpoint, args.out, card)
        path, written = args.out, args.out / WEIGHTS
    size = written.stat().st_size / 1e6
    print(f'{path}: {len(checkpoint["state_dict"])} tensors, {size:.1f} MB, {file_hash(written)}')
    if args.push:
        print(upload(args.out, args.push, args.private))


def add_facts(meta: dict[str, Any], args: argparse.Namespace) -> None:
    """Add the measured results and the licences to ``meta``."""
    from mmcmd.io.evaluations import find_results, read_results

    source = Path(args.source)
    results = (find_results(source) if source.is_file() else {}) | read_results(args.results)
    if results:
        meta['results'] = results
    data = (meta.get('encoder') or {}).get('data') or {}
    licence = {
        'data': args.data_licence or data.get('licence') or licence_of(str(data.get('name'))),
        'weights': args.licence,
    }
    if licence := {name: text for name, text in licence.items() if text}:
        meta['licence'] = licence


def licence_of(data: str) -> str | None:
    """Return the licence in the config of a data set, for checkpoints that do not store it."""
    from mmengine.config import Config

    from mmcmd.apis.config import choices, configs_root

    if data not in choices('datasets'):
        return None
    config = Config.fromfile(configs_root() / '_base_' / 'datasets' / f'{data}.py')
    return config.data.get('licence')


if __name__ == '__main__':
    run(main)
