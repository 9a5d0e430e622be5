"""Export the encoders of a checkpoint to a file that runs without this package."""

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mmcmd.cli import run
from mmcmd.deployment import FORMATS, OUTPUTS, export_checkpoint
from mmcmd.io.checkpoint import TRUST_FLAG, trust_checkpoints


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='checkpoint of a training, whole or published (.pth)')
    parser.add_argument('--format', choices=FORMATS, default='onnx', help='kind of file')
    parser.add_argument(
        '--output',
        choices=OUTPUTS,
        help='feature before the projection, projection of a contrastive method, or class '
        'probabilities (default: scores of a classifier, else feature)',
    )
    parser.add_argument(
        '--streams', nargs='+', metavar='NAME', help='such as joint motion (default: all)'
    )
    parser.add_argument('--out', type=Path, help='file to write (default: beside the checkpoint)')
    parser.add_argument(
        '--no-preprocessing', action='store_true', help='leave out the Python file beside it'
    )
    parser.add_argument(TRUST_FLAG, action='store_true', help='load a file that can run code')
    args = parser.parse_args()
    if args.trust_checkpoint:
        trust_checkpoints()

    done = export_checkpoint(
        args.checkpoint,
        args.out,
        args.format,
        args.output,
        args.streams,
        not args.no_preprocessing,
    )
    facts = done.facts
    shape = [
        'N',
        facts['num_person'],
        'T' if facts['any_length'] else facts['clip_len'],
        facts['num_joints'],
        facts['in_channels'],
    ]
    table = Table(show_header=False)
    table.add_row('file', f'{done.path} ({done.path.stat().st_size / 1e6:.1f} MB)')
    if done.preprocessing:
        table.add_row('pre-processing', str(done.preprocessing))
    table.add_row('input', f'keypoint ({", ".join(map(str, shape))}): persons, frames, joints')
    if facts['counts_valid_frames']:
        table.add_row('', 'valid_frames (N)')
    table.add_row(facts['output'], ', '.join(facts['outputs']))
    table.add_row('conversion', f'{done.seconds:.1f} s')
    table.add_row('difference from torch', f'{done.difference:.1e}')
    latency = f'{done.latency.exported:.2f} ms (torch: {done.latency.torch:.2f} ms)'
    table.add_row('one clip on this CPU', latency)
    Console(soft_wrap=True).print(table)


if __name__ == '__main__':
    run(main)
