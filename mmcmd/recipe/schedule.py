"""Measure the speed of this machine, and choose the number of steps for a given time."""

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
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmcmd.apis.fitting import add_note, fit_to_data
from mmcmd.errors import InputError
from mmcmd.io.files import replace_file
from mmcmd.terminal import NOTICE

PLAN = 'plan.json'
VALIDATIONS = 4
"""Largest number of validations during a training."""
STEPS, ROUNDS = 5, 5
"""Number of steps of a round, and number of rounds. The first round is not measured."""
SHARE = 0.1
"""Share of the time after which the measurement ends, if two rounds are done."""
MARGIN = 1.05
"""Factor for the time of checkpoints and logs, which the measurement does not include."""


@dataclass(frozen=True)
class Pace:
    """Speed of a machine.

    Attributes:
        step (float): Seconds for a training step.
        validation (float): Seconds for a validation, which encodes both splits once. It is 0 if the
            config has no validation, because its data have no labels.
    """

    step: float
    validation: float

    @property
    def evaluation(self) -> float:
        """Seconds for the evaluations after the training, a generous estimate."""
        return 20 + 12 * self.validation if self.validation else 0.0


class _PaceHook(Hook):
    """Record the times at which steps and validations end, and end the training in time."""

    priority = 'LOWEST'

    def __init__(self, seconds: float) -> None:
        self.seconds, self.start = seconds, time.perf_counter()
        self.steps: list[float] = []
        self.validation: list[float] = []

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.steps.append(time.perf_counter())

    def after_train_epoch(self, runner: Runner) -> None:
        if runner.epoch and time.perf_counter() - self.start > self.seconds:
            runner.train_loop._max_epochs = runner.epoch + 1  # this is the last one

    def before_val(self, runner: Runner) -> None:
        self.validation.append(time.perf_counter())

    def after_val(self, runner: Runner) -> None:
        self.validation.append(time.perf_counter())


def measure_pace(cfg: Config, seconds: float = math.inf) -> Pace:
    """Measure the time of training steps and of a validation, with a short training.

    The files and weights of this short training are not kept.

    Args:
        cfg (Config): Config of a pre-training. It is not changed.
        seconds (float): Time after which no further steps are measured, if two rounds are done.
            Defaults to no limit.
    """
    trial, hook = deepcopy(cfg), _PaceHook(seconds)
    trial.train_cfg.update(epoch_steps=STEPS, max_epochs=ROUNDS, val_begin=1, val_interval=ROUNDS)
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
    # If Python frees these loaders later, inside a worker of the next loader, they write errors.
    del runner
    gc.collect()
    times = hook.steps[STEPS - 1 :]
    steps = [after - before for before, after in pairwise(times)]
    start, end = hook.validation[-2:] or (0.0, 0.0)
    return Pace(median(steps), end - start)


def choose_steps(pace: Pace, epoch_steps: int, seconds: float) -> tuple[int, int]:
    """Return the number of epochs that fit into a time, and the interval of validations.

    Args:
        pace (Pace): Speed of this machine.
        epoch_steps (int): Number of steps of an epoch.
        seconds (float): Time for the training, its validations and the evaluations after it.

    Returns:
        tuple[int, int]: Number of epochs, and number of epochs between validations. Both are 0 if
        the time is too short for one epoch with one validation.
    """
    epoch = MARGIN * epoch_steps * pace.step
    left = seconds - pace.evaluation
    for validations in range(VALIDATIONS, 0, -1):
        epochs = math.floor((left - validations * pace.validation) / epoch)
        if epochs >= validations:
            return epochs, math.ceil(epochs / validations)
    return 0, 0


def plan_minutes(cfg: Config, minutes: float, started: float, resumed: bool = False) -> None:
    """Set the number of epochs of a config so that training and evaluations fit into a time.

    The choice is written to ``plan.json`` in the work dir. A resumed training reads it from there,
    because another number of epochs would change the learning rates.

    Args:
        cfg (Config): Config of a pre-training whose epochs have a fixed number of steps. It is
            changed in place.
        minutes (float): Time for everything, from the start of the program.
        started (float): Start of the program, in seconds of ``time.perf_counter``.
        resumed (bool): The training resumes from a checkpoint. Defaults to False.

    Raises:
        InputError: If the config does not set the steps of an epoch, the time is too short for one
            epoch and one validation, or several processes train.
    """
    if not 0 < minutes < math.inf:
        raise InputError(f'--minutes {minutes:g} must be more than 0; give a number such as 30')
    if cfg.get('launcher', 'none') != 'none':
        raise InputError(
            '--minutes measures one process; with several, give the number of steps in its place, '
            'such as --cfg-options train_cfg.max_epochs=90'
        )
    steps = (cfg.get('train_cfg') or {}).get('epoch_steps')
    if steps is None:
        raise InputError(
            f'--minutes needs a config whose schedule counts steps (train_cfg.epoch_steps), such '
            f'as configs/recipes/small.py, but {cfg.filename} counts epochs; remove --minutes'
        )
    file = Path(cfg.work_dir, PLAN)
    if resumed and file.is_file():
        plan = json.loads(file.read_text())
    else:
        fit_to_data(cfg)
        print_log('measuring how fast this machine trains', 'current', NOTICE)
        pace = measure_pace(cfg, SHARE * 60 * minutes)
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
        f'{steps}) in {plan["minutes"]:g} minutes; to repeat this number of steps: --cfg-options '
        f'train_cfg.max_epochs={plan["epochs"]} train_cfg.val_interval={plan["val_interval"]}',
    )
