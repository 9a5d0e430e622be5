"""Start attempts as Slurm jobs with submitit.

submitit writes the batch script, submits it, and runs the attempt in the job. Slurm sends a signal
before the time limit. submitit then puts the job back into the queue.
"""

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mmcmd.errors import InputError
from mmcmd.reproduction.attempt import PREEMPTED, Attempt
from mmcmd.reproduction.stages import Stage

# The signal at which trainings save and stop. submitit reads the variable during its import.
os.environ.setdefault('SUBMITIT_PREEMPT_SIGNAL', 'USR1')
try:
    from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError
    from submitit.helpers import DelayedSubmission
    from submitit.slurm.slurm import SlurmExecutor, SlurmInfoWatcher, SlurmJob
except ImportError as error:
    raise InputError(
        f"--slurm needs the package submitit ({error}): pip install 'mmcmd[cluster]'"
    ) from error

DEFAULTS = {
    'gres': 'gpu:1',
    'cpus-per-task': '5',
    'time': '24:00:00',
    'signal': 'USR1@120',
    'comment': 'mmcmd',
}
"""Default options of ``sbatch``."""
REQUEUES = 100
"""How often a job is put back into the queue after the signal of Slurm."""


class SlurmLauncher:
    """Start attempts as Slurm jobs with one task and one GPU each.

    If a driver was killed, the next driver finds its queued and running jobs again. Before the time
    limit of a job, Slurm sends ``USR1``. The job then saves its state and is put back into the
    queue. At ``SIGTERM``, a job saves its state and ends.

    Args:
        options (Mapping[str, str]): Long options of ``sbatch`` without dashes, such as
            ``partition``. They are added to :data:`DEFAULTS` or replace them.
        jobs (int): Largest number of jobs that run or are in the queue at the same time.

    Raises:
        InputError: If this machine has no Slurm, or ``jobs`` is less than 1.
    """

    def __init__(self, options: Mapping[str, str], jobs: int) -> None:
        if jobs < 1:
            raise InputError(f'--jobs must be at least 1, got {jobs}')
        if SlurmExecutor.affinity() < 0:
            raise InputError(
                'there is no Slurm on this machine (no command srun); use a machine that can '
                'submit jobs, or remove --slurm'
            )
        self.size = jobs
        self._options = DEFAULTS | dict(options)
        self._accepted = False

    def start(self, stage: Stage) -> '_Job':
        """Submit an attempt to run a stage, or find the job of an earlier driver.

        Raises:
            InputError: If Slurm refuses the first job. The error contains the message of Slurm.
        """
        # The folder is outside of the work dir, which may be removed while the job is queued.
        folder = stage.work_dir.parent / 'slurm' / stage.work_dir.name
        folder.mkdir(parents=True, exist_ok=True)
        attempt = _SlurmAttempt(**stage.attempt({'OMP_NUM_THREADS': '1'}).fields())
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
        """Stop the tool, which saves its state. submitit calls this at the signal of Slurm."""
        self.stop()
        if self._process is not None:
            # This is a signal handler. It may interrupt Popen.wait, which holds a lock.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        return DelayedSubmission(replace(self))


class _Queue(SlurmInfoWatcher):
    """Reads the ended jobs from ``squeue``, because ``sacct`` is missing on some clusters."""

    def _make_command(self) -> list[str]:
        return ['squeue', '--me', '--noheader', '--format=%i']

    def read_info(self, string: bytes | str) -> dict[str, dict[str, str]]:
        """Return the state of each job. A job that is not in the list of ``squeue`` has ended.

        submitit treats states that it does not know, such as CONFIGURING or SUSPENDED, as the end
        of a job. For this reason, all listed jobs get the state RUNNING.
        """
        listed = (string if isinstance(string, str) else string.decode()).split()
        return {x: {'State': 'RUNNING' if x in listed else 'ENDED'} for x in self._registered}


class _SubmittedJob(SlurmJob):
    watcher = _Queue(delay_s=10)


class _Executor(SlurmExecutor):
    job_class = _SubmittedJob


class _Job:
    """A job that is queued or running."""

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
            # Slurm may have requeued the preempted job, but the driver starts a new one.
            self._job.cancel(check=False)
        return status

    def stop(self) -> None:
        """Cancel the job. The tool saves its state before it ends."""
        self._job.cancel(check=False)

    def wait(self) -> None:
        """Return at once. The next job waits for the lock of the work dir."""


class _Refused:
    """A job that Slurm has refused."""

    def __init__(self, stage: Stage, reason: str) -> None:
        _note(stage, f'sbatch: error: {reason}')

    def poll(self) -> int:
        return 1

    def stop(self) -> None:
        pass

    wait = stop


def _left_over(folder: Path, attempt: Attempt) -> SlurmJob | None:
    """Return the queued or running job of an earlier driver. Cancel outdated jobs."""
    for path in sorted(folder.glob('*_submitted.pkl')):
        job = _SubmittedJob(folder, path.name.partition('_')[0])
        if job.done(force_check=True):
            continue
        if job.submission().function.signature == attempt.signature:
            return job
        job.cancel(check=False)
    return None


def _note(stage: Stage, text: str) -> None:
    stage.work_dir.mkdir(parents=True, exist_ok=True)
    with stage.log.open('a') as log:
        log.write(text + '\n')


def _written(options: Mapping[str, str]) -> str:
    return shlex.join(f'--{key}={value}' for key, value in options.items())
