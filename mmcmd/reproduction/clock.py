"""Trainings of equal minutes or of equal steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmcmd.apis import load_config
from mmcmd.cli import parse_options
from mmcmd.errors import InputError
from mmcmd.reproduction.names import slug
from mmcmd.reproduction.stages import Stage, training_progress
from mmcmd.visualization.logs import read_log, training_minutes

EPOCH_STEPS = 25
"""Number of steps of an epoch, for training sets of all sizes."""
MEASURED_EPOCHS = 2
"""Number of epochs of a measurement. The first epoch is a warm-up and is not counted."""
VALIDATIONS = 6
"""Number of validations during a training with a limit in minutes."""


@dataclass
class Clock:
    """Computes how many epochs of a training fit into some minutes, without validations.

    A short training with the same config measures the speed (:attr:`stages`). The result is kept in
    its work dir, so that all seeds and all later calls use the same number of epochs.

    Attributes:
        minutes (float): Minutes of each training.
        root (Path): Folder of the measurements.
        stages (dict[str, Stage]): The measurement for each title of a training. Run the unfinished
            ones first, then plan the runs again.
    """

    minutes: float
    root: Path
    stages: dict[str, Stage] = field(default_factory=dict)

    def options(
        self,
        title: str,
        path: str,
        arguments: Mapping[str, str],
        options: Sequence[str],
        needs: Sequence[Stage] = (),
    ) -> list[str]:
        """Return the ``KEY=VALUE`` overrides for a training of ``minutes``.

        Args:
            title (str): Title of the training, without the seed.
            path (str): Path of the config.
            arguments (Mapping[str, str]): Arguments of ``tools/train.py``.
            options (Sequence[str]): Other overrides of the training.
            needs (Sequence[Stage]): Stages that the measurement needs.

        Returns:
            list[str]: The overrides. If the training is not measured yet, only those for the length
            of an epoch.

        Raises:
            InputError: If not even one epoch fits.
        """
        if title not in self.stages:
            self.stages[title] = self._measurement(title, path, arguments, options, needs)
        stage, steps = self.stages[title], [f'train_cfg.epoch_steps={EPOCH_STEPS}']
        if not stage.finished:
            return steps
        epoch = epoch_minutes(stage.work_dir)
        epochs = int(self.minutes / epoch)
        if not epochs:
            raise InputError(
                f'{title} takes {epoch:.2f} minutes for {EPOCH_STEPS} steps, so --minutes '
                f'{self.minutes:g} is too short; give at least {epoch + 0.005:.2f}'
            )
        config = load_config(path, **arguments, options=parse_options(options))
        return steps + schedule(config, epochs)

    def _measurement(
        self,
        title: str,
        path: str,
        arguments: Mapping[str, str],
        options: Sequence[str],
        needs: Sequence[Stage],
    ) -> Stage:
        work_dir = self.root / slug(title)
        last = MEASURED_EPOCHS
        options = [
            *options,
            f'train_cfg.epoch_steps={EPOCH_STEPS}',
            f'train_cfg.max_epochs={last}',
            f'train_cfg.val_begin={last + 1}',
        ]
        config = load_config(path, **arguments, options=parse_options(options))
        command = ['tools/train.py', path]
        for name, value in {**arguments, 'work_dir': str(work_dir)}.items():
            command += [f'--{name.replace("_", "-")}', str(value)]
        return Stage(
            f'{title}, rate',
            [*command, '--cfg-options', *options],
            work_dir=work_dir,
            product=work_dir / f'epoch_{last}.pth',
            recipe=config.pretty_text,
            needs=needs,
            progress=training_progress(work_dir, last),
        )


@dataclass
class Steps:
    """Gives every training the same number of steps. It is used in place of a :class:`Clock`.

    Attributes:
        steps (int): Number of steps. An incomplete epoch is left out.

    Raises:
        InputError: If not even one epoch fits.
    """

    steps: int
    minutes: None = None
    stages: dict[str, Stage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.steps < EPOCH_STEPS:
            raise InputError(
                f'--steps {self.steps} is too few: an epoch has {EPOCH_STEPS} steps; give at least '
                f'{EPOCH_STEPS}'
            )

    def options(
        self,
        title: str,
        path: str,
        arguments: Mapping[str, str],
        options: Sequence[str],
        needs: Sequence[Stage] = (),
    ) -> list[str]:
        """Return the ``KEY=VALUE`` overrides for a training. See :meth:`Clock.options`."""
        config = load_config(path, **arguments, options=parse_options(options))
        epochs = schedule(config, self.steps // EPOCH_STEPS)
        return [f'train_cfg.epoch_steps={EPOCH_STEPS}', *epochs]


def epoch_minutes(work_dir: Path) -> float:
    """Return the duration of the last epoch of a measurement, in minutes."""
    minutes = training_minutes(read_log(work_dir))
    return minutes[MEASURED_EPOCHS] - minutes[MEASURED_EPOCHS - 1]


def schedule(config: Config, epochs: int) -> list[str]:
    """Scale the schedule of a training to another number of epochs.

    The learning rate drops after the same fraction of the training. The same holds for a loss that
    starts in a given epoch (``model.cross_epoch``). A training on a subset never becomes longer.

    Args:
        config (Config): Config of the training.
        epochs (int): The largest number of epochs that fits.

    Returns:
        list[str]: ``KEY=VALUE`` overrides.
    """
    before: Any = config.train_cfg.max_epochs
    if config.train_dataloader.dataset.get('subset'):
        epochs = min(epochs, before)

    def stretched(epoch: int) -> int:
        return max(1, round(epoch * epochs / before))

    interval = max(1, epochs // VALIDATIONS)
    options = [f'train_cfg.max_epochs={epochs}', f'train_cfg.val_interval={interval}']
    for index, scheduler in enumerate(config.get('param_scheduler') or ()):
        if scheduler.get('by_epoch', True):
            for key in ('milestones', 'step_size', 'begin', 'end', 'T_max'):
                if value := scheduler.get(key):
                    new = (
                        f'[{",".join(str(stretched(x)) for x in value)}]'
                        if key == 'milestones'
                        else stretched(value)
                    )
                    options.append(f'param_scheduler.{index}.{key}={new}')
            options += [
                f'param_scheduler.{index}.{key}={round(value * epochs / before)}'
                for key in ('warmup', 'hold')
                if (value := scheduler.get(key))
            ]
    options += [
        f'model.{key}={stretched(value)}'
        for key, value in config.model.items()
        if key.endswith('_epoch') and value is not None
    ]
    return options
