"""Run a Slurm cluster of one node in the foreground, on the loopback interface, in a folder.

This needs the programs of Debian's packages `slurm-wlm` (22.05) and `munge`, but no special rights.
No configuration of the machine is read or written, and a running Slurm is not affected: programs
find this cluster by the environment variable `SLURM_CONF`, and it uses its own ports.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Debian installs daemons in /usr/sbin, which is not in the PATH of a normal user.
PATH = os.pathsep.join([os.environ['PATH'], '/usr/sbin'])
PROGRAMS = ('munged', 'slurmctld', 'slurmd', 'sbatch', 'srun', 'scancel', 'scontrol', 'squeue')
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM}
"""Signals that are delayed until the cluster has stopped, which takes at most half a minute."""
CONFIG = Path(__file__).with_name('slurm.conf')


class ClusterError(Exception):
    """The cluster does not start, refuses a command, or is too slow."""


class SlurmCluster:
    """A cluster that runs inside a ``with`` statement.

    The partition ``gpu`` is the default. A job in the partition ``urgent`` preempts its jobs: Slurm
    sends them SIGTERM, kills them 60 s later, and requeues them.

    Args:
        folder (Path): Empty folder for configuration, keys, sockets, state and logs.
        gpus (int): Number of generic resources ``gpu`` of the node. They are not real hardware.

    Raises:
        ClusterError: If a program is missing, or a daemon does not start.
    """

    def __init__(self, folder: Path, gpus: int = 2) -> None:
        if missing := [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]:
            raise ClusterError(
                f'there is no {", ".join(missing)} here: install Slurm and MUNGE, on Debian with '
                '`apt-get install --no-install-recommends slurm-wlm munge`'
            )
        self.folder, self.gpus = folder, gpus
        self.host = socket.gethostname().split('.')[0]
        self.environment = {
            **{key: x for key, x in os.environ.items() if not key.startswith(('SLURM', 'SBATCH'))},
            'SLURM_CONF': str(folder / 'slurm.conf'),
            'PATH': PATH,
        }
        self._daemons: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> 'SlurmCluster':
        self._configure()
        try:
            self._start(
                *('munged', '--foreground', '--force', '--num-threads=1'),
                *(f'--{x}-file={self.folder}/munge.{x}' for x in ('key', 'pid', 'log', 'seed')),
                f'--socket={self.folder}/munge.socket',
            )
            self._wait_for_daemons(lambda: (self.folder / 'munge.socket').exists())
            self._start('slurmctld', '-D')
            self._start('slurmd', '-D')
            self._wait_for_daemons(lambda: 'idle' in self._try('sinfo', '-h', '-o', '%T'))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self._stop()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def call(self, *command: object, **options: object) -> str:
        """Run a command of Slurm and return its output.

        Raises:
            ClusterError: If it fails; the message is its own.
        """
        run = subprocess.run(
            list(map(str, command)),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            **options,
        )
        if run.returncode:
            raise ClusterError(f'{command[0]} ended with {run.returncode}: {run.stderr.strip()}')
        return run.stdout.strip()

    def job(self, number: str) -> dict[str, str]:
        """Return Slurm's information about a job, such as ``JobState`` and ``Restarts``."""
        fields = self.call('scontrol', '--oneliner', 'show', 'job', number).split()
        return dict(field.split('=', 1) for field in fields if '=' in field)

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Wait until a condition holds, and return the seconds of waiting.

        Raises:
            ClusterError: If it does not hold in time.
        """
        began = time.monotonic()
        while not condition():
            if time.monotonic() > began + seconds:
                raise ClusterError(f'waited {seconds:.0f} s for {what}')
            time.sleep(0.2)
        return time.monotonic() - began

    def processes(self) -> list[int]:
        """List the processes of this cluster and its jobs, which are found by their environment."""
        mark, found = f'SLURM_CONF={self.folder}/slurm.conf\0'.encode(), []
        for path in Path('/proc').glob('[0-9]*/environ'):
            with suppress(OSError):
                if mark in path.read_bytes() + b'\0':
                    found.append(int(path.parent.name))
        return found

    def _configure(self) -> None:
        with socket.socket() as first, socket.socket() as second:
            for probe in (first, second):
                probe.bind(('127.0.0.1', 0))
            ports = [probe.getsockname()[1] for probe in (first, second)]
        values = {'host': self.host, 'user': self._user(), 'folder': self.folder}
        text = CONFIG.read_text().format(**values, ports=ports, gpus=self.gpus)
        (self.folder / 'slurm.conf').write_text(text)
        for name in ('state', 'spool'):
            (self.folder / name).mkdir()
        # With device files, Slurm gives each job its own GPUs and sets CUDA_VISIBLE_DEVICES.
        for index in range(self.gpus):
            (self.folder / f'gpu{index}').symlink_to(os.devnull)
        (self.folder / 'gres.conf').write_text(
            f'Name=gpu File={self.folder}/gpu[0-{self.gpus - 1}]\n'
        )
        key = self.folder / 'munge.key'
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(128))

    def _stop(self) -> None:
        if self._daemons.keys() >= {'slurmctld', 'slurmd'}:
            self._try('scancel', '--full', '--signal=KILL', '--user', self._user())
            self._try('scancel', '--user', self._user())
            with suppress(ClusterError):
                self.wait(lambda: not self._try('squeue', '-h'), 15, 'the end of all jobs')
        for process in reversed(self._daemons.values()):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
        for pid in self.processes():  # processes that did not end when they were stopped
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._daemons.values():
            process.wait()
        with suppress(ClusterError):
            self.wait(lambda: not self.processes(), 10, 'the end of all processes')

    def _start(self, name: str, *options: str) -> None:
        with (self.folder / f'{name}.out').open('w') as out:
            self._daemons[name] = subprocess.Popen(
                [name, *options],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C must not end it before the jobs are cancelled
            )

    def _wait_for_daemons(self, ready: Callable[[], bool]) -> None:
        def look() -> bool:
            for name, process in self._daemons.items():
                if process.poll() is not None:
                    text = (self.folder / f'{name}.out').read_text().strip()
                    raise ClusterError(f'{name} ended with {process.returncode}: {text[-2000:]}')
            return ready()

        self.wait(look, 30, f'{", ".join(self._daemons)} to start')

    def _try(self, *command: str) -> str:
        try:
            return self.call(*command)
        except (ClusterError, subprocess.TimeoutExpired):
            return ''

    @staticmethod
    def _user() -> str:
        return pwd.getpwuid(os.getuid()).pw_name
