"""The cost of a run, before it is started: counted multiply-adds and measured speed."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import FUNCTIONS, init_default_scope
from torch.utils._pytree import tree_map
from torch.utils.data import Dataset

from mmcmd.apis import loaders
from mmcmd.errors import InputError
from mmcmd.models import BasePretrainer
from mmcmd.models.backbones import RecurrentEncoder
from mmcmd.registry import DATASETS, MODELS
from mmcmd.reproduction.complexity import count_flops
from mmcmd.reproduction.runs import Run

EFFICIENCY = 0.5
"""Share of the matrix-multiply rate that a training step was seen to reach on a CPU."""


@dataclass(frozen=True)
class Cost:
    """The size of a run.

    Attributes:
        sequences (int): Training sequences, all epochs together.
        flops (int): Multiply-adds of training and validation, or of a test.
    """

    sequences: int
    flops: int

    def hours(self, rate: float) -> float:
        """Return the hours at :data:`EFFICIENCY` of a rate in multiply-adds per second."""
        return self.flops / (EFFICIENCY * rate) / 3600


def estimate(run: Run) -> Cost | None:
    """Count what a run will compute; None if its data are not there.

    One training step (loss and backward pass, in the last epoch, when every loss is on) and one
    prediction are counted on two or more real sequences, on the device ``meta``. The comparison of
    features by nearest neighbours is left out. A run with cached features encodes each crop once.

    Args:
        run (Run): A run that need not have started.
    """
    parts = loaders(run.config)
    if any(not Path(part.dataset.ann_file).is_file() for part in parts.values()):
        return None
    init_default_scope(run.config.default_scope)
    # A test uses the test loaders, a training those of its validation.
    loop = 'val' if run.epochs else 'test'
    names = (f'{loop}_dataloader', f'{loop}_cfg.gallery_dataloader')
    seen = sum(len(_dataset(parts[name].dataset)) for name in names if name in parts)
    predict = _count(run, parts[f'{loop}_dataloader'], False)
    if not run.epochs:
        return Cost(0, seen * predict)
    config, size = run.config.train_cfg, len(_dataset(parts['train_dataloader'].dataset))
    validations = ceil(run.epochs / config.get('val_interval', 1))
    passes = run.epochs
    if config.type == 'CachedFeatureLoop':
        passes = min(passes, config.get('num_crops', 2))
    step = _count(run, parts['train_dataloader'], True)
    return Cost(run.epochs * size, passes * size * step + validations * seen * predict)


_COUNTED: dict[str, int] = {}


def _count(run: Run, loader: dict, train: bool) -> int:
    """Count the multiply-adds of one sequence; the same model and pipeline is counted once."""
    model = {key: x for key, x in run.config.model.items() if key != 'pretrained'}
    key = json.dumps([model, loader.dataset, train], sort_keys=True)
    if key not in _COUNTED:
        dataset = _dataset(loader.dataset)
        collate = FUNCTIONS.get(loader.collate_fn.type)
        size = getattr(MODELS.get(run.config.model.type), 'min_samples', 2)
        batch = collate([dataset[index % len(dataset)] for index in range(size)])
        _COUNTED[key] = _over_frames(run, batch, train) // size
    return _COUNTED[key]


def _count_batch(run: Run, batch: dict[str, Any], frames: int | None, train: bool) -> int:
    """Count a batch whose clips (..., M, T, V, C) are cut to so many frames."""
    model = run.build().train(train)
    if isinstance(model, BasePretrainer):
        model.set_progress(max(run.epochs - 1, 0), 1.0, seed=0)
    data = model.data_preprocessor(batch, train)
    inputs = tree_map(lambda x: x[..., :frames, :, :].to('meta'), data['inputs'])

    def call() -> None:
        output = model(inputs, data['data_samples'], mode='loss' if train else 'predict')
        if train:
            model.parse_losses(output)[0].backward()

    with torch.set_grad_enabled(train):
        return count_flops(call)


def _over_frames(run: Run, batch: dict[str, Any], train: bool) -> int:
    """Count a batch at full length. For recurrent encoders, three short clips are counted.

    A recurrent network does the same in every frame, so its count is linear in the frames. If the
    counts of the short clips lie on no line (a loss may compare frames), or the method does not
    take such clips, all frames are counted.
    """
    encoders, inputs = run.build().encoders.values(), batch['inputs']
    recurrent = all(isinstance(x.backbone, RecurrentEncoder) for x in encoders)
    if recurrent and isinstance(inputs, torch.Tensor):  # groups of views may differ in length
        with suppress(InputError):
            first, second, third = (_count_batch(run, batch, n, train) for n in (2, 3, 4))
            if third - second == second - first:
                return first + (inputs.shape[-3] - 2) * (second - first)
    return _count_batch(run, batch, None, train)


def _dataset(config: dict) -> Dataset:
    key = repr(config)
    if key not in _DATASETS:
        _DATASETS[key] = DATASETS.build(config)
    return _DATASETS[key]


_DATASETS: dict[str, Dataset] = {}


@lru_cache
def multiply_rate(seconds: float = 0.5, size: int = 1024) -> float:
    """Measure the multiply-adds per second of a float32 matrix product on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    matrix = torch.randn(size, size)
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds or count < 2:
        matrix @ matrix
        count += 1
    torch.set_num_threads(threads)
    return count * size**3 / passed
