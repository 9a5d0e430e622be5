"""Estimate the cost of a run before its start, from counted multiply-adds and speed."""

import copy
import json
import pickle
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from mmengine.registry import FUNCTIONS, init_default_scope
from torch.utils._pytree import tree_map
from torch.utils.data import Dataset

from mmcmd.apis import loaders
from mmcmd.datasets.annotations.official_totals import TOTALS
from mmcmd.errors import InputError
from mmcmd.models import BasePretrainer
from mmcmd.models.backbones import RecurrentEncoder
from mmcmd.registry import DATASETS, MODELS
from mmcmd.reproduction.complexity import count_flops
from mmcmd.reproduction.run import Run
from mmcmd.skeletons import get_layout

EFFICIENCY = 0.5
"""Fraction of the matrix-multiply rate that training steps reached in measurements on a CPU."""


@dataclass(frozen=True)
class Cost:
    """The size of a run.

    Attributes:
        sequences (int): Number of training sequences, over all epochs.
        flops (int): Multiply-adds of training and validation, or of a test.
        official (bool): Whether the official numbers of sequences were used, because the data are
            missing. Defaults to False.
    """

    sequences: int
    flops: int
    official: bool = False

    def hours(self, rate: float) -> float:
        """Return the hours if a run reaches :data:`EFFICIENCY` times a rate (multiply-adds/s)."""
        return self.flops / (EFFICIENCY * rate) / 3600


def estimate(run: Run) -> Cost | None:
    """Estimate the cost of a run. Return None if its data and official numbers are missing.

    One training step (loss and backward pass) and one prediction are counted on two or more real
    sequences, on the device ``meta``. The step is one of the last epoch, in which all losses are
    active. The search for nearest neighbours is not counted. A run with cached features encodes
    each crop once.

    If the data are missing, two random sequences replace the real ones, and the official numbers of
    sequences (:data:`~mmcmd.datasets.annotations.official_totals.TOTALS`) are used.

    Args:
        run (Run): A run. It does not have to be started.
    """
    parts = loaders(run.config)
    if all(Path(part.dataset.ann_file).is_file() for part in parts.values()):
        return _estimate(run, parts, {})
    total = TOTALS.get(run.config.data.name)
    if total is None:
        return None
    sizes = {f'{total.split}_train': total.train, f'{total.split}_val': total.val}
    return _estimate_official(run, parts, sizes)


def _estimate_official(run: Run, parts: dict[str, dict], sizes: Mapping[str, int]) -> Cost:
    """Estimate the cost for splits of these sizes, with two random sequences as the data."""
    parts, sizes = copy.deepcopy(parts), dict(sizes)
    folder = _stand_in(run.config.data.layout, tuple(sizes))
    for part in parts.values():
        part.dataset.pop('hold_out', None)  # its size is unknown
        subset = part.dataset.pop('subset', None)
        if subset:  # use its fraction of the official number
            split = part.dataset.split
            sizes[split] = (
                round(sizes[split] * subset['percent'] / 100)
                if 'percent' in subset
                else subset['per_class'] * run.config.data.num_classes
            )
        part.dataset.ann_file = str(Path(folder.name, 'two.pkl'))
    return replace(_estimate(run, parts, sizes), official=True)


def _estimate(run: Run, parts: dict[str, dict], sizes: Mapping[str, int]) -> Cost:
    """Estimate the cost with these loaders. ``sizes`` holds the sizes of missing splits."""

    def size(name: str) -> int:
        config = parts[name].dataset
        return sizes.get(config.split) or len(_dataset(config))

    init_default_scope(run.config.default_scope)
    # A test uses the test loaders, and a training uses its validation loaders.
    loop = 'val' if run.epochs else 'test'
    names = (f'{loop}_dataloader', f'{loop}_cfg.gallery_dataloader')
    seen = sum(size(name) for name in names if name in parts)
    predict = _count(run, parts[f'{loop}_dataloader'], False)
    if not run.epochs:
        return Cost(0, seen * predict)
    config, loader = run.config.train_cfg, parts['train_dataloader']
    split = size('train_dataloader')
    steps = config.get('epoch_steps')
    trained = run.epochs * (split if steps is None else steps * loader.batch_size)
    validations = ceil(run.epochs / config.get('val_interval', 1))
    encoded = trained
    if config.type == 'CachedFeatureLoop':
        encoded, validations = min(trained, config.get('num_crops', 2) * split), 1
    return Cost(trained, encoded * _count(run, loader, True) + validations * seen * predict)


@lru_cache
def _stand_in(layout: str, splits: Sequence[str]) -> TemporaryDirectory:
    """Write ``two.pkl``, with two random sequences that are in all splits, to a new folder."""
    folder = TemporaryDirectory()
    joints = len(get_layout(layout).joints)
    rng = np.random.default_rng(0)
    names = ['first', 'second']
    annotations = [
        dict(
            frame_dir=name,
            label=0,
            keypoint=rng.normal(size=(2, 64, joints, 3)).astype(np.float32),
            total_frames=64,
        )
        for name in names
    ]
    content = dict(split=dict.fromkeys(splits, names), annotations=annotations, layout=layout)
    Path(folder.name, 'two.pkl').write_bytes(pickle.dumps(content, protocol=4))
    return folder


_COUNTED: dict[str, int] = {}


def _count(run: Run, loader: dict, train: bool) -> int:
    """Count the multiply-adds of one sequence. Counts are cached by model and pipeline."""
    model = {key: x for key, x in run.config.model.items() if key != 'pretrained'}
    dataset = {key: x for key, x in loader.dataset.items() if key != 'ann_file'}
    key = json.dumps([model, dataset, train], sort_keys=True)
    if key not in _COUNTED:
        dataset = _dataset(loader.dataset)
        collate = FUNCTIONS.get(loader.collate_fn.type)
        size = getattr(MODELS.get(run.config.model.type), 'min_samples', 2)
        batch = collate([dataset[index % len(dataset)] for index in range(size)])
        _COUNTED[key] = _over_frames(run, batch, train) // size
    return _COUNTED[key]


def _count_batch(run: Run, batch: dict[str, Any], frames: int | None, train: bool) -> int:
    """Count a batch with clips (..., M, T, V, C), cut to ``frames`` frames."""
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
    """Count a batch with all frames. For recurrent encoders, extrapolate from short clips.

    A recurrent network computes the same in every frame, so its count is linear in the number of
    frames. All frames are counted if the counts of three short clips are not linear (a loss may
    compare frames), or if the method does not accept such clips.
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
