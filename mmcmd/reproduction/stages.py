"""Chains of tool calls (pre-train, evaluate, ...) that run with progress bars and never twice.

Six workflow engines were examined. Three things are needed: to skip a stage by a signature of its
command and recipe, to show the progress inside a stage, and to find the line of a log that tells
why it failed. No engine does all three. doit and snakemake skip by content, but doit supports
neither GPUs nor Slurm, and snakemake (136 MB installed) only counts GPUs. luigi only checks whether
a product exists. submitit supports Slurm, but on one machine it gives every job the same GPUs.
dask-jobqueue needs a scheduler process and does not tell a worker which GPU to use. To spread runs
over GPUs or Slurm, parsl (a download of 3 MB) is the choice for the part that starts processes. In
a trial, four tasks got the GPUs 0, 1, 0 and 1, and it has a provider for Slurm. It took 10 s to
start, so this module suits one machine without a GPU better.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mmcmd.errors import InputError


@dataclass
class Stage:
    """One call of a tool.

    Attributes:
        name (str): Text beside the progress bar.
        command (Sequence[str]): Python script and arguments.
        work_dir (Path): Where the tool writes; the stage's log goes there too.
        product (Path): File that exists once the stage is finished.
        recipe (str): What else the result depends on, such as the text of a config.
        needs (Sequence[Stage]): Stages that must be finished before.
        progress (Callable[[], float], optional): Share that is done, in [0, 1].
    """

    name: str
    command: Sequence[str]
    work_dir: Path
    product: Path
    recipe: str = ''
    needs: Sequence['Stage'] = ()
    progress: Callable[[], float] | None = None
    process: subprocess.Popen | None = field(default=None, repr=False)
    started: float = 0.0

    @property
    def signature(self) -> str:
        """Hash of the command, the recipe and the signatures of the stages before."""
        before = [stage.signature for stage in self.needs]
        text = json.dumps([list(self.command), self.recipe, before])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def finished(self) -> bool:
        """Whether this very command has run to its end here before."""
        return self.product.exists() and self._done[:1] == [self.signature]

    @property
    def seconds(self) -> float | None:
        """How long the finished stage took, the last time that it was started."""
        return float(self._done[1]) if len(self._done) > 1 else None

    @property
    def _done(self) -> list[str]:
        path = self.work_dir / 'stage.done'
        return path.read_text().split() if path.exists() else []

    @property
    def log(self) -> Path:
        """File with the output of the tool."""
        return self.work_dir / 'stage.log'

    def start(self, threads: int) -> None:
        """Start the tool. Files that another command left in the work dir are removed first."""
        mark = self.work_dir / 'stage.started'
        if mark.exists() and mark.read_text().strip() != self.signature:
            shutil.rmtree(self.work_dir)
        self.work_dir.mkdir(parents=True, exist_ok=True)
        mark.write_text(self.signature + '\n')
        (self.work_dir / 'stage.done').unlink(missing_ok=True)
        environment = {**os.environ, 'OMP_NUM_THREADS': str(threads), 'PYTHONUNBUFFERED': '1'}
        self.started = time.monotonic()
        with self.log.open('w') as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def finish(self) -> None:
        """Note that the tool ended well.

        Raises:
            InputError: If it did not; the message holds the end of what it printed.
        """
        if self.process.returncode != 0 or not self.product.exists():
            lines = self.log.read_text(errors='replace').strip().splitlines()
            tail = [line for line in lines if 'rror: ' in line][-1:] or lines[-1:]
            raise InputError(
                f'{self.name} ended with status {self.process.returncode}: '
                f'{"".join(tail) or "nothing was printed"} (whole log: {self.log}; '
                f'command: python {shlex.join(self.command)})'
            )
        seconds = time.monotonic() - self.started
        (self.work_dir / 'stage.done').write_text(f'{self.signature} {seconds:.0f}\n')


def training_progress(work_dir: Path, max_epochs: int) -> Callable[[], float]:
    """Return a function that reads the progress of a training from its log of scalars."""

    def share() -> float:
        logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
        lines = logs[-1].read_text().splitlines() if logs else []
        epochs = [json.loads(line).get('epoch', 0) for line in lines if line.endswith('}')]
        return max(epochs, default=0) / max_epochs

    return share


def run_stages(
    stages: Sequence[Stage], jobs: int = 1, threads: int = 1, keep_going: bool = False
) -> list[str]:
    """Run each stage as soon as the stages that it needs are finished. Skip finished stages.

    Args:
        stages (Sequence[Stage]): In any order; what a stage needs must be among them or finished.
        jobs (int): Stages that run at the same time. Defaults to 1.
        threads (int): Threads of each stage. Defaults to 1.
        keep_going (bool): After a failure, run the stages that do not need the failed one. Defaults
            to False.

    Returns:
        list[str]: A sentence for each stage that failed.

    Raises:
        InputError: If a stage fails and ``keep_going`` is False. The other running stages are
            stopped.
    """
    if jobs < 1:
        raise InputError(f'jobs must be at least 1, got {jobs}')
    console = Console()
    columns = (TextColumn('{task.description:<44}'), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[Path, TaskID] = {}
        waiting, running, failed = list(stages), [], {}
        try:
            while waiting or running:
                lost = [x for x in waiting if any(y.work_dir in failed for y in x.needs)]
                for stage in lost:
                    waiting.remove(stage)
                    failed[stage.work_dir] = f'{stage.name} needs a stage that failed'
                for stage in [x for x in waiting if all(y.finished for y in x.needs)]:
                    if stage.finished:
                        waiting.remove(stage)
                        console.print(f'{stage.name}: already there ({stage.work_dir})')
                    elif len(running) < jobs:
                        waiting.remove(stage)
                        console.print(
                            f'$ python {shlex.join(stage.command)}', soft_wrap=True, markup=False
                        )
                        stage.start(threads)
                        running.append(stage)
                        total = 1.0 if stage.progress else None
                        tasks[stage.work_dir] = bars.add_task(stage.name, total=total)
                if waiting and not running:
                    raise RuntimeError(f'{waiting[0].name} needs a stage that never runs')
                time.sleep(0.2)
                for stage in list(running):
                    if stage.process.poll() is not None:
                        running.remove(stage)
                        try:
                            stage.finish()
                        except InputError as error:
                            if not keep_going:
                                raise
                            failed[stage.work_dir] = str(error)
                            console.print(f'failed: {error}', soft_wrap=True, markup=False)
                        bars.update(tasks[stage.work_dir], total=1.0, completed=1.0)
                    elif stage.progress:
                        bars.update(tasks[stage.work_dir], completed=stage.progress())
        finally:
            for stage in running:
                stage.process.terminate()
                stage.process.wait()
    return list(failed.values())
