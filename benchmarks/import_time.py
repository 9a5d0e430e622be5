"""Time ``import mmcmd`` against importing the parts of mmaction2 that it builds on, in turns."""

import argparse
import statistics
import subprocess
import sys
import time

OURS = 'import mmcmd'
THEIRS = 'import mmaction.models, mmaction.datasets, mmaction.evaluation'


def seconds(statement: str) -> float:
    """Return how long a fresh interpreter takes to run a statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, '-W', 'ignore', '-c', statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=7)
    args = parser.parse_args()
    seconds(OURS), seconds(THEIRS)  # fill the disk cache
    pairs = [(seconds(OURS), seconds(THEIRS)) for _ in range(args.rounds)]
    ours, theirs = (statistics.median(x) for x in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f'mmcmd {ours:.2f} s, mmaction2 {theirs:.2f} s, median ratio {ratio:.2f}')


if __name__ == '__main__':
    main()
