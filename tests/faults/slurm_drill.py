"""Test trainings on a real Slurm: cancel, preempt and requeue jobs, and kill a table's driver.

    make slurm

It needs Slurm and MUNGE (see `slurm_cluster.py`), and the extra `cluster`. It starts a cluster of
one node with four simulated GPUs. On it,

- a pre-training on two ranks (`tools/slurm_train.sh`) is cancelled. It must save a checkpoint, and
  it must not start again;
- a pre-training is stopped by the signal that Slurm sends before a time limit, and then by a job of
  a partition with a higher priority. Each time it must save a checkpoint and start again from the
  queue. The final result must be equal bit for bit to that of an uninterrupted run;
- the two runs of a table (`tools/reproduce.py --slurm`) must run at the same time on two GPUs.
  Their driver is killed and started again, and must find the running jobs;
- a partition that does not exist must give an error message.

Every wait has a limit. At the end, also after Ctrl-C, no job, daemon or file is left.
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from slurm_cluster import SIGNALS, ClusterError, SlurmCluster

MOST = 1200  # seconds


def main() -> int:
    """Run the drill."""
    for number in SIGNALS:
        signal.signal(number, stop)
    signal.alarm(MOST)
    try:
        with tempfile.TemporaryDirectory(prefix='slurm-') as name:
            folder = Path(name).resolve()
            (folder / 'cluster').mkdir()
            began = time.monotonic()
            with SlurmCluster(folder / 'cluster', gpus=4) as cluster:
                print(f'a cluster of one node, up after {time.monotonic() - began:.1f} s')
                take_steps(cluster, folder)
            left = cluster.processes()
    except (ClusterError, subprocess.TimeoutExpired) as error:
        print(f'slurm_drill.py: {error}', file=sys.stderr)
        return 1
    if left or folder.exists():
        print(f'slurm_drill.py: left over: {left or folder}', file=sys.stderr)
        return 1
    print(f'all is right; no process and no file is left ({time.monotonic() - began:.0f} s)')
    return 0


def take_steps(cluster: SlurmCluster, folder: Path) -> None:
    """Run all steps. If one fails, show the ends of the logs."""
    from slurm_table import Table  # these import torch, which takes seconds
    from slurm_trainings import Trainings

    trainings, table = Trainings(cluster, folder), Table(cluster, folder)
    try:
        trainings.preempt(trainings.cancel())
        table.reproduce()
        table.refuse()
    except (ClusterError, subprocess.TimeoutExpired):
        for path in sorted(folder.glob('*.log')):
            print(f'==== {path.name}\n{trainings.output(path.stem)[-1500:]}')
        raise


def stop(number: int, _: object) -> None:
    """End the drill with a clean-up. Further signals are ignored."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    why = f'not done after {MOST} s' if number == signal.SIGALRM else signal.strsignal(number)
    raise SystemExit(f'slurm_drill.py: {why}')


if __name__ == '__main__':
    sys.exit(main())
