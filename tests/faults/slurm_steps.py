"""Base class of the steps of the Slurm drill: a cluster, a folder, and lines about results."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from slurm_cluster import ClusterError, SlurmCluster

ROOT = Path(__file__).parents[2]
WAIT = 300  # most seconds of a wait


class Steps:
    """Steps on a cluster. Each step prints its result, and raises an error if the result is wrong.

    Args:
        cluster (SlurmCluster): A running cluster.
        folder (Path): Folder for data, logs and work dirs.
    """

    began = time.monotonic()

    def __init__(self, cluster: SlurmCluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        (folder / 'tmp').mkdir(exist_ok=True)
        binaries, paths = str(Path(sys.executable).parent), os.environ.get('PYTHONPATH', '')
        cluster.environment |= {
            'OMP_NUM_THREADS': '1',
            'TMPDIR': str(folder / 'tmp'),
            'PYTHONPATH': os.pathsep.join([str(ROOT), paths]).strip(os.pathsep),
            'PATH': os.pathsep.join([binaries, os.environ['PATH'], '/usr/sbin']),
        }

    def say(self, text: str) -> None:
        """Print a line with the time since the start."""
        print(f'{time.monotonic() - self.began:6.1f} s  {text}', flush=True)

    def call(self, *command: str) -> str:
        """Print a command of Slurm, run it in the root of the repository, return its output."""
        self.say(f'$ {shlex.join(command)}')
        return self.cluster.call(*command, cwd=ROOT)

    def start(self, name: str, *command: object) -> subprocess.Popen:
        """Start a tool; its output is in the log of this name."""
        with self.log(name).open('w') as log:
            return subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=ROOT,
                env=self.cluster.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def log(self, name: str) -> Path:
        """Return the file with the output of a job or tool."""
        return self.folder / f'{name}.log'

    def output(self, name: str) -> str:
        """Return the output of a job or tool."""
        return self.log(name).read_text() if self.log(name).exists() else ''

    def wait(self, job: str, condition: Callable[[], bool], what: str, *wrong: str) -> float:
        """Wait until a condition holds, and return the seconds of waiting.

        Raises:
            ClusterError: If it takes too long, or the job fails or gets into a wrong state.
        """

        def holds() -> bool:
            state = self.cluster.job(job)['JobState']
            if state in {'FAILED', 'NODE_FAIL', 'OUT_OF_MEMORY', *wrong}:
                raise ClusterError(f'job {job} is {state}; waited for {what}')
            return condition()

        return self.cluster.wait(holds, WAIT, what)

    def wait_for_state(self, job: str, state: str, restarts: int = 0) -> float:
        """Wait until a job is in a state, after a number of restarts."""

        def reached() -> bool:
            found = self.cluster.job(job)
            return (found['JobState'], int(found['Restarts'])) == (state, restarts)

        wrong = {'COMPLETED', 'CANCELLED'} - {state}
        return self.wait(job, reached, f'job {job} to be {state}', *wrong)
