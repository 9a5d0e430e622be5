"""Time every stage against the usual alternative: ``python -m benchmarks [STAGE ...]``.

Both sides run in turns, and a speed is the ratio of their times. If a stage fails, the tables say
so, and the other stages still run. The exit status is 1 if two implementations disagree, 2 if a
stage failed for another reason, and 0 otherwise. It does not depend on the speeds.
"""

import argparse
from pathlib import Path

from mmcmd.cli import run

STAGES = (
    'encoder',
    'cmd_step',
    'bfloat16',
    'graph_encoder',
    'methods',
    'pcm3',
    'masked',
    'views',
    'conversion',
    'dataset',
    'knn',
    'linear',
    'startup',
    'inference',
    'retrieval',
    'side_by_side',
    'growth',
)
"""Modules of this package that are stages, each with ``run(short)``, a generator of figures."""


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parser.add_argument('stages', nargs='*', metavar='STAGE', help=f'one of {", ".join(STAGES)}')
    parser.add_argument('--short', action='store_true', help='small sizes: one minute in total')
    parser.add_argument('--out', type=Path, help='folder (default: work_dirs/bench or .../gpu)')
    parser.add_argument(
        '--device', choices=['cpu', 'cuda'], help='run the cases for GPUs, see docs/gpus.md'
    )
    parser.add_argument('--minutes', type=float, default=8, help='limit of time with --device')
    args = parser.parse_args()
    unknown = set(args.stages) - set(STAGES)
    if unknown:
        parser.error(f'unknown stage {min(unknown)}; stages are {", ".join(STAGES)}')

    from benchmarks import stages  # imports torch, which takes seconds

    return stages.on_device(args) if args.device else stages.measure(args, args.stages or STAGES)


if __name__ == '__main__':
    run(main)
