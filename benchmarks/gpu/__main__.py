"""Run the tests marked ``gpu``, then the benchmarks on a GPU: ``python -m benchmarks.gpu``.

Nothing is installed or downloaded. The folder ``--out`` gets the tables, ``gpu.md`` and
``gpu.json``, and the output of the tests, ``tests.txt``. ``--device cpu --short`` tries all steps
without a GPU; the tests are then skipped.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch

from benchmarks.gpu import course
from mmcmd.cli import run
from mmcmd.errors import InputError

# If one test file cannot be imported, the other files must still run.
PYTEST = '-m', 'pytest', '-m', 'gpu', '-rfEs', '--continue-on-collection-errors'


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m benchmarks.gpu', description=__doc__)
    parser.add_argument('--device', choices=['cuda', 'cpu'], default='cuda')
    parser.add_argument('--short', action='store_true', help='small sizes')
    parser.add_argument('--minutes', type=float, default=9, help='for all (default: 9)')
    parser.add_argument(
        '--resume',
        action='store_true',
        help='measure only what --out/gpu.json lacks, without tests',
    )
    parser.add_argument('--out', type=Path, default=Path('work_dirs/gpu'), help='folder')
    args = parser.parse_args()
    deadline = time.monotonic() + 60 * args.minutes
    if args.device == 'cuda' and not torch.cuda.is_available():
        raise InputError(
            '--device cuda needs a CUDA GPU, and torch finds none; --device cpu --short tries all '
            'steps'
        )
    if args.resume:
        return course.run(args.device, args.short, deadline, args.out, resume=True)
    args.out.mkdir(parents=True, exist_ok=True)
    status, summary = run_tests(args.out / 'tests.txt', timeout=40 * args.minutes)
    facts = {'tests': summary}
    return max(course.run(args.device, args.short, deadline, args.out, facts), status)


def run_tests(log: Path, timeout: float) -> tuple[int, str]:
    """Run the tests marked ``gpu``, and print the end of their output.

    Args:
        log (Path): File for the whole output.
        timeout (float): Most seconds for the tests. The remaining time is for the benchmarks.

    Returns:
        tuple[int, str]: Exit status, and pytest's last line.
    """
    with log.open('w') as file:
        try:
            root = Path(__file__).parents[2]
            command = [sys.executable, *PYTEST, str(root / 'tests')]
            done = subprocess.run(command, stdout=file, stderr=file, timeout=timeout, cwd=root)
            status = int(done.returncode != 0)
        except subprocess.TimeoutExpired:
            file.write(f'\nstopped after {timeout:.0f} s\n')
            status = 1
    lines = log.read_text().rstrip().splitlines()
    sys.stdout.write('\n'.join(lines[-40:]) + '\n')
    return status, lines[-1].strip('= ')


if __name__ == '__main__':
    run(main)
