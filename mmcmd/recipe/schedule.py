"""Choose the number of steps for a time in minutes, by measuring how fast this machine is."""

import gc
import json
import math
import time
from copy import deepcopy
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.apis.fitting import add_note, fit_to_data
from mmcmd.errors import InputError
from mmcmd.io.files import replace_file

PLAN = 'plan.json'
VALIDATIONS = 4
WARM_UP, MEASURED = 5, 20
"""Steps that are not measured, and steps that are."""
MARGIN = 1.05
"""For checkpoints and logs, which are not in the steps that were measured."""


@dataclass(frozen=True)
class Pace:
    """How fast a machine is.

    Attributes:
        step (float): Seconds of a training step.
        validation (float): Seconds of a validation: both splits are encoded once. 0 if the config
            has none, because its data have no labels.
    """

    step: float
    validation: float

    @property
    def evaluation(self) -> float:
        """Seconds of the evaluations in the end, an estimate on the safe side."""
        return 20 + 12 * self.validation if self.validation else 0.0


class _PaceHook(Hook):
    """Remember when steps and validations ended."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.validation: list[float] = []

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.steps.append(time.perf_counter())

    def before_val(self, runner: Runner) -> None:
        self.validation.append(time.perf_counter())

    def after_val(self, runner: Runner) -> None:
        self.validation.append(time.perf_counter())


def measure_pace(cfg: Config) -> Pace:
    """Train a few steps and validate once, as the config says, and take the time.

    Nothing is kept of this training.

    Args:
        cfg (Config): Config of a pre-training. It is not changed.
    """
    trial, hook = deepcopy(cfg), _PaceHook()
    trial.train_cfg.update(
        epoch_steps=WARM_UP + MEASURED, max_epochs=1, val_begin=1, val_interval=1
    )
    trial.update(
        dict(
            param_scheduler=None,
            log_level='ERROR',
            load_from=None,
            resume=False,
            experiment_name='pace',
            visualizer=dict(type='Visualizer', vis_backends=[]),
        )
    )
    trial.default_hooks.checkpoint = None
    for name in ('plain_checkpoint', 'preemption', 'fitting', 'collapse', 'results'):
        trial.default_hooks.pop(name, None)
    with TemporaryDirectory() as folder:
        trial.work_dir = folder
        runner = Runner.from_cfg(trial)
        runner.register_hook(hook)
        runner.train()
    # Loaders that are left to be collected write errors from the worker processes of the next one.
    del runner
    gc.collect()
    times = hook.steps[WARM_UP - 1 :]
    steps = [after - before for before, after in pairwise(times)]
    start, end = hook.validation[-2:] or (0.0, 0.0)
    return Pace(median(steps), end - start)


def choose_steps(pace: Pace, epoch_steps: int, seconds: float) -> tuple[int, int]:
    """Return how many epochs fit into a time, and after how many of them to validate.

    Args:
        pace (Pace): Of this machine.
        epoch_steps (int): Steps of an epoch.
        seconds (float): For training, validations and the evaluations in the end.

    Returns:
        tuple[int, int]: Both are 0 if not even one epoch with one validation fits.
    """
    epoch = MARGIN * epoch_steps * pace.step
    left = seconds - pace.evaluation
    for validations in range(VALIDATIONS, 0, -1):
        epochs = math.floor((left - validations * pace.validation) / epoch)
        if epochs >= validations:
            return epochs, math.ceil(epochs / validations)
    return 0, 0


def plan_minutes(cfg: Config, minutes: float, started: float, resumed: bool = False) -> None:
    """Set the number of epochs of a config so that all is done after some minutes.

    What was chosen is written to ``plan.json`` in the work dir. A resumed training takes it from
    there, because another number of epochs would change the learning rates.

    Args:
        cfg (Config): Config of a pre-training whose epochs count steps; it is changed in place.
        minutes (float): For everything, from the start of the program.
        started (float): When the program started, in seconds of ``time.perf_counter``.
        resumed (bool): The training goes on from a checkpoint. Defaults to False.

    Raises:
        InputError: If the epochs of the config do not count steps, or the time is too short for
            one epoch and one validation.
    """
    if not 0 < minutes < math.inf:
        raise InputError(f'--minutes {minutes:g} must be more than 0; give a number such as 30')
    steps = (cfg.get('train_cfg') or {}).get('epoch_steps')
    if steps is None:
        raise InputError(
            f'--minutes needs a config whose schedule counts steps (train_cfg.epoch_steps), such '
            f'as configs/recipes/small.py, but {cfg.filename} counts epochs; leave --minutes out'
        )
    file = Path(cfg.work_dir, PLAN)
    if resumed and file.is_file():
        plan = json.loads(file.read_text())
    else:
        fit_to_data(cfg)
        pace = measure_pace(cfg)
        spent = time.perf_counter() - started
        epochs, interval = choose_steps(pace, steps, 60 * minutes - spent)
        if not epochs:
            least = spent + pace.evaluation + pace.validation + MARGIN * steps * pace.step
            raise InputError(
                f'--minutes {minutes:g} is too few for {steps} steps, one validation and the '
                f'evaluations: on this machine a step takes {pace.step:.2f} s and a validation '
                f'{pace.validation:.1f} s; give at least --minutes {math.ceil(least / 6) / 10:g}'
            )
        plan = dict(minutes=minutes, epochs=epochs, val_interval=interval, **asdict(pace))
        with replace_file(file) as out:
            out.write((json.dumps(plan, indent=2) + '\n').encode())
    cfg.train_cfg.update(max_epochs=plan['epochs'], val_interval=plan['val_interval'])
    if cfg.default_hooks.get('checkpoint'):
        cfg.default_hooks.checkpoint.interval = plan['val_interval']
    add_note(
        cfg,
        f'{plan["step"]:.2f} s a step: {plan["epochs"] * steps} steps ({plan["epochs"]} epochs of '
        f'{steps}) in {plan["minutes"]:g} minutes; the same number again: --cfg-options '
        f'train_cfg.max_epochs={plan["epochs"]} train_cfg.val_interval={plan["val_interval"]}',
    )
