"""Stages: calls of tools that are never repeated once they are finished."""

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmcmd.reproduction.attempt import Attempt


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

    @property
    def signature(self) -> str:
        """Hash of the command, the recipe and the signatures of the stages before."""
        before = [stage.signature for stage in self.needs]
        text = json.dumps([list(self.command), self.recipe, before])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def finished(self) -> bool:
        """Whether this very command has run to its end here before."""
        return self.attempt().finished

    @property
    def seconds(self) -> float | None:
        """How long the finished stage took, the last time that it was started."""
        path = self.work_dir / 'stage.done'
        done = path.read_text().split() if path.exists() else []
        return float(done[1]) if len(done) > 1 else None

    @property
    def log(self) -> Path:
        """File with the output of the tool, of all attempts."""
        return self.work_dir / 'stage.log'

    def attempt(self, environment: Mapping[str, str] | None = None) -> Attempt:
        """Return an attempt at this stage, which has not started.

        Args:
            environment (Mapping[str, str], optional): Environment variables to set.
        """
        return Attempt(
            list(self.command),
            str(self.work_dir),
            str(self.product),
            self.signature,
            dict(environment or {}),
        )

    def failure(self, status: int) -> str:
        """Say in one sentence that an attempt failed, with the line of the log that tells why."""
        text = self.log.read_text(errors='replace').strip() if self.log.exists() else ''
        lines = text.splitlines()
        tail = [line for line in lines if 'rror: ' in line][-1:] or lines[-1:]
        return (
            f'{self.name} ended with status {status}: {"".join(tail) or "nothing was printed"} '
            f'(whole log: {self.log}; command: python {shlex.join(self.command)})'
        )


def training_progress(work_dir: Path, max_epochs: int) -> Callable[[], float]:
    """Return a function that reads the progress of a training from its log of scalars."""

    def share() -> float:
        logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
        lines = logs[-1].read_text().splitlines() if logs else []
        epochs = [json.loads(line).get('epoch', 0) for line in lines if line.endswith('}')]
        return max(epochs, default=0) / max_epochs

    return share
