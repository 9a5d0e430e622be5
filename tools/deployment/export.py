"""Export the encoders of a checkpoint to a file that runs without mmcmd."""

import argparse
from pathlib import Path

from mmcmd.arguments import add_trust_option
from mmcmd.cli import parse, run

FORMATS = 'onnx', 'torch_export'
OUTPUTS = 'feature', 'projection', 'scores'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'checkpoint',
        help='checkpoint of a training (.pth), published folder, or its name on the hub',
    )
    parser.add_argument(
        '--format', choices=FORMATS, default='onnx', help='kind of the file (default: onnx)'
    )
    parser.add_argument(
        '--output',
        choices=OUTPUTS,
        help='feature: the vector before the projection; projection: the vector that a contrastive '
        'method compares; scores: class probabilities (default: scores for a classifier, else '
        'feature)',
    )
    parser.add_argument(
        '--streams',
        nargs='+',
        metavar='NAME',
        help='streams to export, such as joint motion (default: all)',
    )
    parser.add_argument(
        '--out', type=Path, help='file to write (default: the name of the checkpoint, beside it)'
    )
    parser.add_argument(
        '--config',
        help='config of the training, for a checkpoint from before version 0.2',
    )
    parser.add_argument(
        '--no-preprocessing',
        action='store_true',
        help='do not write the Python file for the pre-processing',
    )
    add_trust_option(parser)
    args = parse(parser)

    from mmcmd.deployment import export_checkpoint

    done = export_checkpoint(
        args.checkpoint,
        args.out,
        args.format,
        args.output,
        args.streams,
        args.config,
        not args.no_preprocessing,
    )
    facts = done.facts
    frames = 'T' if facts['any_length'] else facts['clip_len']
    shape = f'(N, {facts["num_person"]}, {frames}, {facts["num_joints"]}, {facts["in_channels"]})'
    valid = ', valid_frames (N)' if facts['counts_valid_frames'] else ''
    print(f'{done.path}: {done.path.stat().st_size / 1e6:.1f} MB, in {done.seconds:.1f} s')
    if done.preprocessing:
        print(f'{done.preprocessing}: its pre-processing, needs numpy alone')
    print(f'inputs: keypoint {shape}{valid}')
    print(f'outputs ({facts["output"]}): {", ".join(facts["outputs"])}')
    print(f'largest difference from torch: {done.difference:.1e}')
    latency = done.latency
    print(f'one clip on this CPU: {latency.exported:.2f} ms (torch: {latency.torch:.2f} ms)')


if __name__ == '__main__':
    run(main)
