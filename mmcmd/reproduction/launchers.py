"""Start attempts as processes on this machine. If it has GPUs, each attempt uses one of them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import cycle, islice
from typing import Protocol

import torch

from mmcmd.errors import InputError
from mmcmd.reproduction import attempt
from mmcmd.reproduction.stages import Stage


class Job(Protocol):
    """A started attempt."""

    def poll(self) -> int | None:
        """Return the exit status of the attempt, or None while it runs or is in a queue."""

    def stop(self) -> None:
        """Ask the attempt to stop."""

    def wait(self) -> None:
        """Wait for the end of an attempt that was asked to stop."""


class Launcher(Protocol):
    """A way to start attempts.

    Attributes:
        size (int): Largest number of attempts that run or are in a queue at the same time.
    """

    size: int

    def start(self, stage: Stage) -> Job:
        """Start an attempt to run a stage.

        Raises:
            InputError: If no attempts can be started at all.
        """


class LocalLauncher:
    """Start attempts on this machine. They stop if the driver ends or is killed.

    On a machine with GPUs, each attempt uses one GPU (``CUDA_VISIBLE_DEVICES``). If there are more
    attempts than GPUs, some attempts share a GPU. Small trainings leave most of a GPU idle.

    Args:
        jobs (int, optional): Number of attempts at the same time. Defaults to the number of GPUs,
            or without GPUs to the number of CPU cores.
        threads (int): Number of threads of each attempt. Defaults to 1.

    Raises:
        InputError: If ``jobs`` is less than 1.
    """

    def __init__(self, jobs: int | None = None, threads: int = 1) -> None:
        gpus = visible_gpus()
        self.size = jobs if jobs is not None else len(gpus) or os.cpu_count()
        if self.size < 1:
            raise InputError(f'--jobs must be at least 1, got {jobs}')
        self._environment = {'OMP_NUM_THREADS': str(threads)}
        shared = islice(cycle(gpus), self.size)
        self._free = [{'CUDA_VISIBLE_DEVICES': gpu} for gpu in shared] or [{}] * self.size

    def start(self, stage: Stage) -> 'LocalJob':
        """Start an attempt. At most ``size`` attempts may run."""
        return LocalJob(stage, self._environment, self._free)


class LocalJob:
    """A process that runs an attempt. It ends when its standard input is closed.

    Args:
        stage (Stage): The stage to run.
        environment (Mapping[str, str]): Environment variables to set.
        free (list[dict[str, str]]): Environment variables of the free GPUs. The attempt takes one
            entry, and puts it back after its end.
    """

    def __init__(
        self, stage: Stage, environment: Mapping[str, str], free: list[dict[str, str]]
    ) -> None:
        self._free = free
        self._slot = free.pop(0)
        described = stage.attempt({**environment, **self._slot}).fields()
        self._process = subprocess.Popen(
            [sys.executable, attempt.__file__, json.dumps(described)],
            stdin=subprocess.PIPE,
            # Ctrl-C reaches only the driver, which asks the tools to save their state.
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
        """Ask the attempt to stop. The end of the driver has the same effect."""
        self._process.stdin.close()

    def wait(self) -> None:
        """Wait until the attempt has ended."""
        self._process.wait()


def visible_gpus() -> list[str]:
    """Return the ids of the usable GPUs, in the form of ``CUDA_VISIBLE_DEVICES``."""
    count = torch.cuda.device_count()
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    return named.split(',')[:count] if named else [str(index) for index in range(count)]
