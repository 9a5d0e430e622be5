"""One attempt to run a stage: run its tool under a lock, and record a successful end.

The attempt is a separate process, on this machine or in a Slurm job. The driver is the process that
starts attempts. If a stage ends after the driver has ended, its end is recorded too. This file
imports only the standard library, because it also runs as a script, which must start fast.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PREEMPTED = 85
"""Exit status of a tool or an attempt that was asked to stop. It can continue later."""

_DIGITS = 8  # of the SHA-256 of the product, in the file ``stage.done``


@dataclass
class Attempt:
    """A call of a tool. On all machines together, only one call at a time uses a work dir.

    Attributes:
        command (Sequence[str]): Python script and arguments.
        work_dir (str): Output folder of the tool. It also contains the log and the status files of
            the stage.
        product (str): File that exists when the stage is finished.
        signature (str): Hash of everything that the result depends on. If the work dir holds files
            of another signature, these are removed first.
        environment (Mapping[str, str]): Environment variables to set.
    """

    command: Sequence[str]
    work_dir: str
    product: str
    signature: str
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen | None = field(default=None, init=False, repr=False)
    _stopped: bool = field(default=False, init=False, repr=False)

    @property
    def finished(self) -> bool:
        """Whether the stage is finished in this work dir, with this signature."""
        done = Path(self.work_dir, 'stage.done')
        return (
            Path(self.product).exists()
            and done.exists()
            and done.read_text().split()[:1] == [self.signature]
        )

    def fields(self) -> dict[str, Any]:
        """Return the arguments that create this attempt in another process."""
        return {key: value for key, value in asdict(self).items() if not key.startswith('_')}

    def __call__(self) -> int:
        """Wait until no other process uses the work dir, then run the tool if it is not finished.

        Returns:
            int: 0 if the stage is finished, :data:`PREEMPTED` if it was asked to stop, or else the
            exit status of the tool, which is 128 + N if signal N killed the tool.
        """
        with self._lock() as lock:
            if lock is None:
                return PREEMPTED
            if self.finished:
                return 0
            started = time.monotonic()
            status = self._run(lock)
            if status == 0 and Path(self.product).exists():
                seconds = time.monotonic() - started
                digest = self._digest()
                self._write('stage.done', f'{self.signature} {seconds:.0f} {digest}\n')
        if self._stopped and status != 0:
            return PREEMPTED  # early in its run, the tool does not return this status itself
        return status if status >= 0 else 128 - status

    def stop(self, *_: Any) -> None:
        """Ask the tool to save its state and to stop. A signal handler may call this method."""
        self._stopped = True
        if self._process is not None:
            self._process.terminate()

    def _run(self, lock: int) -> int:
        mark = Path(self.work_dir, 'stage.started')
        if mark.exists() and mark.read_text().strip() != self.signature:
            shutil.rmtree(self.work_dir)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(self.signature + '\n')
        Path(self.work_dir, 'stage.done').unlink(missing_ok=True)
        environment = {**os.environ, 'PYTHONUNBUFFERED': '1', **self.environment}
        with Path(self.work_dir, 'stage.log').open('a') as log:
            # The tool also holds the lock, because it may still run after this process is killed.
            self._process = subprocess.Popen(
                [sys.executable, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=[lock],
            )
            if self._stopped:  # the signal came before the process was assigned
                self._process.terminate()
            return self._process.wait()

    def _digest(self) -> str:
        """Return the first hex digits of the SHA-256 of the product."""
        digest = hashlib.sha256()  # `mmcmd.io.files.file_hash` would import torch
        with open(self.product, 'rb') as file:
            while part := file.read(1 << 20):
                digest.update(part)
        return digest.hexdigest()[:_DIGITS]

    def _write(self, name: str, text: str) -> None:
        """Write a file atomically, so that no reader gets an incomplete file."""
        path = Path(self.work_dir, name)
        part = path.with_suffix('.part')
        part.write_text(text)
        part.replace(path)

    @contextmanager
    def _lock(self) -> Iterator[int | None]:
        """Lock the work dir. The lock file is outside of it, because the folder may be removed."""
        path = Path(f'{self.work_dir}.lock')
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('w') as file:
            while not self._stopped:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(0.2)
                else:
                    yield file.fileno()
                    return
            yield None


def main() -> None:
    """Run the attempt that the JSON argument describes. Stop if the driver ends."""
    attempt = Attempt(**json.loads(sys.argv[1]))
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, attempt.stop)

    def watch() -> None:
        sys.stdin.read()  # returns when the driver ends, because it writes nothing
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    sys.exit(attempt())


if __name__ == '__main__':
    main()
