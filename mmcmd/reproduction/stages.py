"""Stages: calls of tools. A finished stage is not run again."""

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmcmd.io.files import file_hash
from mmcmd.reproduction.attempt import Attempt
from mmcmd.tool_files import find_tool


@dataclass
class Stage:
    """One call of a tool.

    Attributes:
        name (str): Text next to the progress bar.
        command (Sequence[str]): Python script and arguments.
        work_dir (Path): Output folder of the tool. It also contains the log of the stage.
        product (Path): File that exists when the stage is finished.
        recipe (str): Other text on which the result depends, such as that of a config.
        needs (Sequence[Stage]): Stages that must be finished before this stage starts.
        progress (Callable[[], float], optional): Returns the fraction that is done, in [0, 1].
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
        """Hash of the command, the recipe and the signatures of the needed stages."""
        before = [stage.signature for stage in self.needs]
        text = json.dumps([list(self.command), self.recipe, before])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def finished(self) -> bool:
        """Whether this command with this signature is finished in the work dir."""
        return self.attempt().finished

    @property
    def seconds(self) -> float | None:
        """Duration of the last attempt of the finished stage, or None if unknown."""
        done = self._done
        return float(done[1]) if len(done) > 1 else None

    @property
    def digest(self) -> str:
        """First 8 hex digits of the SHA-256 of the product. Old versions did not record it."""
        done = self._done
        return done[2] if len(done) > 2 else file_hash(self.product)

    @property
    def _done(self) -> list[str]:
        path = self.work_dir / 'stage.done'
        return path.read_text().split() if path.exists() else []

    @property
    def log(self) -> Path:
        """File with the output of the tool in all attempts."""
        return self.work_dir / 'stage.log'

    def attempt(self, environment: Mapping[str, str] | None = None) -> Attempt:
        """Return an attempt to run this stage. It is not started yet.

        Args:
            environment (Mapping[str, str], optional): Environment variables to set.
        """
        return Attempt(
            [find_tool(self.command[0]), *self.command[1:]],
            str(self.work_dir),
            str(self.product),
            self.signature,
            dict(environment or {}),
        )

    def failure(self, status: int) -> str:
        """Describe a failed attempt in one sentence, with the error line of the log."""
        text = self.log.read_text(errors='replace').strip() if self.log.exists() else ''
        lines = text.splitlines()
        tail = [line for line in lines if 'rror: ' in line][-1:] or lines[-1:]
        return (
            f'{self.name} ended with status {status}: {"".join(tail) or "nothing was printed"} '
            f'(whole log: {self.log}; command: python {shlex.join(self.command)})'
        )


def training_progress(work_dir: Path, max_epochs: int) -> Callable[[], float]:
    """Return a function that reads the progress of a training from its log."""

    def share() -> float:
        logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
        lines = logs[-1].read_text().splitlines() if logs else []
        epochs = [json.loads(line).get('epoch', 0) for line in lines if line.endswith('}')]
        return max(epochs, default=0) / max_epochs

    return share
