"""Convert a checkpoint of CMD's released code for mmcmd. It is the same as to_mmcmd.py cmd ..."""

import argparse
from pathlib import Path

from mmcmd.arguments import add_trust_option
from mmcmd.cli import parse, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help="the authors' checkpoint (.pth.tar)")
    parser.add_argument('out', type=Path, help='file to write (.pth)')
    add_trust_option(parser)
    args = parse(parser)

    from mmcmd.apis.authors import write_converted

    print(write_converted('cmd', {'joint': args.source}, args.out))


if __name__ == '__main__':
    run(main)
