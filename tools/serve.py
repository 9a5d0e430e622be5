"""Serve a local web page with motions, their nearest neighbours in a gallery, and a map."""

import argparse
from pathlib import Path

from mmcmd.arguments import add_trust_option
from mmcmd.cli import parse, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='checkpoint of a training, or a published one')
    parser.add_argument(
        '--gallery', required=True, type=Path, metavar='FILE.pkl', help='motions to search in'
    )
    parser.add_argument('--split', help='name of a split of the gallery (default: all motions)')
    parser.add_argument(
        '--index',
        type=Path,
        metavar='FOLDER',
        help='index that `mmcmd index` built from these motions with this checkpoint (default: '
        'make one and keep it)',
    )
    parser.add_argument(
        '--classifier', help='checkpoint of a classifier that gives the class probabilities'
    )
    parser.add_argument('--device', help='such as cpu or cuda (default: the GPU, if there is one)')
    parser.add_argument(
        '--map-joints',
        choices=['nearest'],
        help='if a recording lacks joints of the encoder, use the nearest joints instead',
    )
    parser.add_argument(
        '--host', default='127.0.0.1', help='address to bind to (default: 127.0.0.1)'
    )
    parser.add_argument(
        '--name',
        action='append',
        default=[],
        dest='names',
        help='further host name under which browsers reach the server, such as the name of a '
        'proxy; may be given several times',
    )
    parser.add_argument('--port', type=int, default=8000, help='port (default: 8000)')
    parser.add_argument(
        '--cache', type=Path, help='folder for features and maps (default: FILE.pkl.page)'
    )
    parser.add_argument(
        '--upload-limit',
        type=float,
        default=20,
        metavar='MB',
        help='largest size of an uploaded file (default: 20)',
    )
    add_trust_option(parser)
    return parse(parser)


def main() -> None:
    args = parse_args()
    from mmcmd.serving.server import serve

    serve(
        args.checkpoint,
        args.gallery,
        split=args.split,
        index=args.index,
        classifier=args.classifier,
        device=args.device,
        map_joints=args.map_joints,
        cache=args.cache,
        host=args.host,
        port=args.port,
        names=args.names,
        upload_limit=int(args.upload_limit * 1e6),
    )


if __name__ == '__main__':
    run(main)
