"""Make a checkpoint fit to be given away: weights alone, named by their hash."""

import argparse
from pathlib import Path

from mmcmd.cli import run
from mmcmd.io.checkpoint import TRUST_FLAG, load_plain, trust_checkpoints
from mmcmd.io.publish import published, write_published


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='checkpoint of a training run (.pth)')
    parser.add_argument('out', type=Path, help='OUT.pth is written as OUT-xxxxxxxx.pth')
    parser.add_argument(
        '--keep-all',
        action='store_true',
        help='keep projections, key encoders and queues too; evaluations need the encoders only',
    )
    parser.add_argument(TRUST_FLAG, action='store_true', help='load a file that can run code')
    args = parser.parse_args()
    if args.trust_checkpoint:
        trust_checkpoints()

    checkpoint = published(load_plain(args.source, 'cpu'), args.source, args.keep_all)
    path = write_published(checkpoint, args.out)
    size = path.stat().st_size / 1e6
    print(f'{path}: {len(checkpoint["state_dict"])} tensors, {size:.1f} MB')


if __name__ == '__main__':
    run(main)
