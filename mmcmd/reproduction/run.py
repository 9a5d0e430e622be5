"""One run of a table: a call of a tool, its config and its results."""

import json
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmcmd.engine.hooks.results_hook import (
    PREDICTIONS,
    RESULTS,
    TEST_PREDICTIONS,
    TEST_RESULTS,
)
from mmcmd.io.encoders import describe
from mmcmd.models import StreamModel
from mmcmd.registry import MODELS
from mmcmd.reproduction.stages import Stage


@dataclass
class Run:
    """A stage and the config that it runs.

    Attributes:
        stage (Stage): A call of a tool.
        config (Config): Config with all arguments and overrides.
        minutes (float, optional): Limit of the training in minutes, if there is one.
    """

    stage: Stage
    config: Config
    minutes: float | None = None

    @property
    def epochs(self) -> int:
        """Number of training epochs, or 0 if there is no training."""
        return self.config.train_cfg.max_epochs if self.config.get('train_cfg') else 0

    @property
    def streams(self) -> list[str]:
        """Names of the streams."""
        return list(self.config.model.modalities)

    def build(self) -> StreamModel:
        """Build the model on the device ``meta``, without memory for its weights."""
        init_default_scope(self.config.default_scope)
        with torch.device('meta'):
            return MODELS.build(self.config.model)

    @cached_property
    def description(self) -> dict[str, Any]:
        """Description of the encoders, as in the checkpoints of the run."""
        return describe(self.build(), self.config)['encoder']

    def predictions(self, stream: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return predicted and true classes (N,) of the test split, or None if not stored."""
        path = self.stage.work_dir / (PREDICTIONS if self.epochs else TEST_PREDICTIONS)
        if not path.is_file():
            return None
        with np.load(path) as arrays:
            return arrays[stream], arrays['labels']

    def read(self, metric: str, seed: int) -> dict[str, Any]:
        """Return the result of a metric, in percent, with the config and command of the run."""
        results = self.stage.work_dir / (RESULTS if self.epochs else TEST_RESULTS)
        entry = json.loads(results.read_text())[metric]
        return dict(
            seed=seed,
            last=100 * entry['last'],
            best=100 * entry['best'],
            best_epoch=entry['best_epoch'],
            config=self.stage.command[1],
            command=f'python {shlex.join(self.stage.command)}',
            epochs=self.epochs,
            checkpoint=self.stage.digest if self.epochs else None,
            seconds=self.stage.seconds,
        )
