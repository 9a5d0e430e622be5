"""Convert pre-training checkpoints of a method's released code to one checkpoint of mmcmd."""

import argparse
from pathlib import Path

from mmcmd.arguments import add_trust_option
from mmcmd.cli import parse, run
from mmcmd.errors import InputError

METHODS = (
    *('cmd', 'skeletonclr', 'crossclr', 'aimclr', 'pcm3', 'isc', 'ascal', 'mamp', 'ms2l', 'pc'),
    *('slim', 'stars', 'usdrl'),
)
MODALITIES = 'joint', 'motion', 'bone'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('method', help=f'one of {", ".join(METHODS)}')
    parser.add_argument('source', help="the authors' checkpoint (.pt, .pth.tar)")
    parser.add_argument('out', type=Path, help='file to write (.pth)')
    parser.add_argument(
        '--stream',
        choices=MODALITIES,
        default='joint',
        help='stream of the file, if the method trains each stream separately (default: joint)',
    )
    parser.add_argument(
        '--join',
        nargs='+',
        default=[],
        metavar='STREAM=FILE',
        help='files of the other streams of such a method, such as motion=MOTION.pt bone=BONE.pt',
    )
    parser.add_argument(
        '--data',
        help='data set of the training, a name in configs/_base_/datasets; evaluations use this '
        'data set if no other is named',
    )
    add_trust_option(parser)
    args = parse(parser)

    from mmcmd.apis.authors import write_converted

    files = {args.stream: args.source}
    for text in args.join:
        stream, _, file = text.partition('=')
        if stream not in MODALITIES or not file or stream in files:
            raise InputError(
                f'--join takes STREAM=FILE with a stream of {", ".join(MODALITIES)} that has no '
                f'file yet, but got {text!r}'
            )
        files[stream] = file
    print(write_converted(args.method, files, args.out, args.data))


if __name__ == '__main__':
    run(main)
