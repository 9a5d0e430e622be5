"""Turn a pre-training checkpoint of the authors' released code into one of mmcmd."""

import argparse
from pathlib import Path

import torch

from mmcmd.cli import run
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import TRUST_FLAG, load_plain, trust_checkpoints
from mmcmd.io.convert_checkpoint import rename_authors_state
from mmcmd.io.files import replace_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help="the authors' checkpoint (.pth.tar)")
    parser.add_argument('out', type=Path, help='file to write (.pth)')
    parser.add_argument(TRUST_FLAG, action='store_true', help='load a file that can run code')
    args = parser.parse_args()
    if args.trust_checkpoint:
        trust_checkpoints()

    checkpoint = load_plain(args.source, map_location='cpu')
    if 'state_dict' not in checkpoint:
        raise InputError(f'{args.source} has no state_dict: it is no checkpoint of the authors')
    state = rename_authors_state(checkpoint['state_dict'])
    epoch = int(checkpoint.get('epoch', 0))
    with replace_file(args.out) as file:
        torch.save({'meta': {'epoch': epoch, 'iter': 0}, 'state_dict': state}, file)
    print(f'{args.out}: {len(state)} tensors, epoch {epoch}')


if __name__ == '__main__':
    run(main)
