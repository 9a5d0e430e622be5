"""Start attempts at stages as Slurm jobs, through submitit.

submitit writes the batch script, submits it, runs the attempt inside the job, and puts the job back
into the queue after the signal that Slurm sends ahead of the time limit.
"""

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mmcmd.errors import InputError
from mmcmd.reproduction.attempt import PREEMPTED, Attempt
from mmcmd.reproduction.stages import Stage

# The signal that trainings know. submitit reads the variable when it is imported.
os.environ.setdefault('SUBMITIT_PREEMPT_SIGNAL', 'USR1')
try:
    from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError
    from submitit.helpers import DelayedSubmission
    from submitit.slurm.slurm import SlurmExecutor, SlurmInfoWatcher, SlurmJob
except ImportError as error:
    raise InputError(
        f'Slurm needs the package submitit ({error}): pip install "mmcmd[cluster]"'
    ) from error

DEFAULTS = {
    'gres': 'gpu:1',
    'cpus-per-task': '5',
    'time': '24:00:00',
    'signal': 'USR1@120',
    'comment': 'mmcmd',
}
"""Options of ``sbatch`` where the user gives no others."""
REQUEUES = 100
"""How often a job goes back into the queue after Slurm's signal."""


class SlurmLauncher:
    """Start attempts as Slurm jobs of one task and one GPU.

    A job that a killed driver left in the queue, or running, is found again. A job that Slurm
    signals ahead of its time limit (``USR1``) saves, and goes back into the queue by itself. A job
    that is stopped by ``SIGTERM`` saves and ends.

    Args:
        options (Mapping[str, str]): Long options of ``sbatch`` without dashes, such as
            ``partition``, beside or instead of :data:`DEFAULTS`.
        jobs (int): Jobs that run or are in the queue at the same time.

    Raises:
        InputError: If this is no machine of a Slurm cluster, or ``jobs`` is less than 1.
    """

    def __init__(self, options: Mapping[str, str], jobs: int) -> None:
        if jobs < 1:
            raise InputError(f'jobs must be at least 1, got {jobs}')
        if SlurmExecutor.affinity() < 0:
            raise InputError('there is no Slurm on this machine: the command srun is not found')
        self.size = jobs
        self._options = DEFAULTS | dict(options)
        self._accepted = False

    def start(self, stage: Stage) -> '_Job':
        """Submit an attempt at a stage, or find the job of an earlier driver.

        Raises:
            InputError: If Slurm refuses the first job, with Slurm's own message.
        """
        # The folder is not in the work dir, which may be removed while the job is in the queue.
        folder = stage.work_dir.parent / 'slurm' / stage.work_dir.name
        folder.mkdir(parents=True, exist_ok=True)
        attempt = _SlurmAttempt(**_fields(stage.attempt({'OMP_NUM_THREADS': '1'})))
        if job := _left_over(folder, attempt):
            return _Job(stage, job)
        executor = _Executor(folder, max_num_timeout=REQUEUES)
        executor.update_parameters(
            job_name=stage.work_dir.name,
            additional_parameters=self._options,
            # Since Slurm 22.05, srun does not take this option from sbatch.
            srun_args=[f'--cpus-per-task={self._options["cpus-per-task"]}'],
        )
        try:
            job = executor.submit(attempt)
        except (FailedJobError, FailedSubmissionError) as error:
            reason = ' '.join(str(error).split())
            if not self._accepted:
                raise InputError(
                    f'Slurm refuses the job: {reason} (options: {_written(self._options)})'
                ) from error
            return _Refused(stage, reason)
        self._accepted = True
        return _Job(stage, job)


class _SlurmAttempt(Attempt):
    """An attempt that submitit runs in a job."""

    def checkpoint(self) -> DelayedSubmission:
        """Stop the tool, which saves. submitit calls this on Slurm's signal, and requeues."""
        self.stop()
        if self._process is not None:
            # This is a signal handler. It has interrupted Popen.wait, which holds a lock.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        return DelayedSubmission(replace(self))


class _Queue(SlurmInfoWatcher):
    """The states of jobs, from ``squeue``: clusters without accounting have no ``sacct``."""

    def _make_command(self) -> list[str]:
        return ['squeue', '--me', '--noheader', '--format=%i %T']

    def read_info(self, string: bytes | str) -> dict[str, dict[str, str]]:
        """Return the state of every job; the queue lists no job that has ended."""
        text = string if isinstance(string, str) else string.decode()
        states = dict(line.split() for line in text.splitlines())
        return {job: {'State': states.get(job, 'ENDED')} for job in self._registered}


class _SubmittedJob(SlurmJob):
    watcher = _Queue(delay_s=10)


class _Executor(SlurmExecutor):
    job_class = _SubmittedJob


class _Job:
    """A job in the queue, or running."""

    def __init__(self, stage: Stage, job: SlurmJob) -> None:
        self._stage, self._job = stage, job
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status of the attempt, or None while it runs or is in the queue."""
        if self._status is None and self._job.done():
            self._status = self._end()
        return self._status

    def _end(self) -> int:
        try:
            status = self._job.result()
        except (FailedJobError, UncompletedJobError) as error:
            _note(self._stage, f'Slurm job {self._job.job_id}: {error}')
            return 1
        if status == PREEMPTED:
            # Slurm may have put the preempted job back into the queue, and the driver starts one.
            self._job.cancel(check=False)
        return status

    def stop(self) -> None:
        """Cancel the job; the tool saves."""
        self._job.cancel(check=False)

    def wait(self) -> None:
        """Do not wait: the lock of the work dir keeps the next job waiting."""


class _Refused:
    """A job that Slurm did not take."""

    def __init__(self, stage: Stage, reason: str) -> None:
        _note(stage, f'sbatch: error: {reason}')

    def poll(self) -> int:
        return 1

    def stop(self) -> None:
        pass

    wait = stop


def _left_over(folder: Path, attempt: Attempt) -> SlurmJob | None:
    """Return the job of an earlier driver that runs or is in the queue; cancel an outdated one."""
    for path in sorted(folder.glob('*_submitted.pkl')):
        job = _SubmittedJob(folder, path.name.partition('_')[0])
        if job.done(force_check=True):
            continue
        if job.submission().function.signature == attempt.signature:
            return job
        job.cancel(check=False)
    return None


def _fields(attempt: Attempt) -> dict[str, Any]:
    return {key: value for key, value in asdict(attempt).items() if not key.startswith('_')}


def _note(stage: Stage, text: str) -> None:
    stage.work_dir.mkdir(parents=True, exist_ok=True)
    with stage.log.open('a') as log:
        log.write(text + '\n')


def _written(options: Mapping[str, str]) -> str:
    return shlex.join(f'--{key}={value}' for key, value in options.items())
