"""Start attempts at stages as processes of this machine, one GPU each if it has GPUs."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Protocol

import torch

from mmcmd.errors import InputError
from mmcmd.reproduction import attempt
from mmcmd.reproduction.stages import Stage


class Job(Protocol):
    """An attempt that was started."""

    def poll(self) -> int | None:
        """Return the exit status of the attempt, or None while it runs or is in a queue."""

    def stop(self) -> None:
        """Ask the attempt to stop."""

    def wait(self) -> None:
        """Wait for an attempt that was asked to stop."""


class Launcher(Protocol):
    """A way to start attempts.

    Attributes:
        size (int): Attempts that run, or are in a queue, at the same time.
    """

    size: int

    def start(self, stage: Stage) -> Job:
        """Start an attempt at a stage.

        Raises:
            InputError: If no attempt can be started, now or later.
        """


class LocalLauncher:
    """Start attempts on this machine. They stop when the driver is gone, also if it was killed.

    With GPUs, each attempt sees one of them (``CUDA_VISIBLE_DEVICES``), which no other one sees.

    Args:
        jobs (int, optional): Attempts at the same time. Defaults to the number of GPUs, or without
            a GPU to the number of CPU cores.
        threads (int): Threads of each attempt. Defaults to 1.

    Raises:
        InputError: If ``jobs`` is less than 1, or more than the GPUs of a machine with GPUs.
    """

    def __init__(self, jobs: int | None = None, threads: int = 1) -> None:
        gpus = visible_gpus()
        self.size = jobs if jobs is not None else len(gpus) or os.cpu_count()
        if self.size < 1:
            raise InputError(f'jobs must be at least 1, got {jobs}')
        if gpus and self.size > len(gpus):
            raise InputError(
                f'{jobs} jobs need {jobs} GPUs, one each, and there are {len(gpus)}: ask for fewer '
                'jobs, or set CUDA_VISIBLE_DEVICES= (empty) to run on the CPU'
            )
        self._environment = {'OMP_NUM_THREADS': str(threads)}
        self._free = [{'CUDA_VISIBLE_DEVICES': gpu} for gpu in gpus] or [{}] * self.size

    def start(self, stage: Stage) -> 'LocalJob':
        """Start an attempt; at most ``size`` may run."""
        return LocalJob(stage, self._environment, self._free)


class LocalJob:
    """A process that makes an attempt. It ends when its standard input is closed.

    Args:
        stage (Stage): What to run.
        environment (Mapping[str, str]): Environment variables to set.
        free (list[dict[str, str]]): Environment variables of GPUs that no attempt uses. The
            attempt takes one entry, and returns it when it has ended.
    """

    def __init__(
        self, stage: Stage, environment: Mapping[str, str], free: list[dict[str, str]]
    ) -> None:
        self._free = free
        self._slot = free.pop(0)
        content = asdict(stage.attempt({**environment, **self._slot}))
        described = {key: value for key, value in content.items() if not key.startswith('_')}
        self._process = subprocess.Popen(
            [sys.executable, attempt.__file__, json.dumps(described)],
            stdin=subprocess.PIPE,
            # Ctrl-C reaches the driver alone, which asks the tools to save where they are.
            start_new_session=True,
        )

    def poll(self) -> int | None:
        """Return the exit status of the attempt, or None while it runs."""
        status = self._process.poll()
        if status is not None and self._slot is not None:
            self._process.stdin.close()
            self._free.append(self._slot)
            self._slot = None
        return status if status is None or status >= 0 else 128 - status

    def stop(self) -> None:
        """Ask the attempt to stop, as the death of the driver does."""
        self._process.stdin.close()

    def wait(self) -> None:
        """Wait until the attempt has ended."""
        self._process.wait()


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that this process may use, for ``CUDA_VISIBLE_DEVICES``."""
    count = torch.cuda.device_count()
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    return named.split(',')[:count] if named else [str(index) for index in range(count)]
