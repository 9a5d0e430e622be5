"""What a run is going to cost, before it is started."""

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from mmengine.config import Config

from mmcmd.apis.inference import init_model
from mmcmd.datasets.annotations.store import open_annotations
from mmcmd.reproduction.complexity import encoder_complexity
from mmcmd.skeletons import get_layout

EFFICIENCY = 0.5
"""Share of the matrix-multiply rate that a training step was seen to reach on a CPU."""


@dataclass(frozen=True)
class Cost:
    """An estimate.

    Attributes:
        sequences (int): Training sequences, all epochs together.
        flops (int): Multiply-adds of the encoders.
    """

    sequences: int
    flops: int

    def hours(self, rate: float) -> float:
        """Return the hours at so many multiply-adds a second, :data:`EFFICIENCY` of them used."""
        return self.flops / (EFFICIENCY * rate) / 3600


def estimate(config: Config) -> Cost | None:
    """Estimate a training run by its encoders; None if its data are not there.

    Pre-training runs an encoder forward twice, and backward, which costs two forward passes;
    fine-tuning forward and backward; linear evaluation forward alone. Evaluation is left out.

    Args:
        config (Config): Of the run.
    """
    dataset = config.train_dataloader.dataset
    if not Path(dataset.ann_file).is_file():
        return None
    size = _split_size(dataset.ann_file, dataset.split)
    percent = (dataset.get('subset') or {}).get('percent', 100)
    sequences = round(size * percent / 100) * config.train_cfg.max_epochs
    backbone = config.model.backbone
    channels, people = backbone.get('in_channels', 3), backbone.get('num_person', 2)
    shape = people, dataset.clip_len, get_layout(dataset.layout).num_joints, channels
    passes = 4
    if config.model.type == 'SkeletonClassifier':
        passes = 1 if config.model.frozen else 3
    flops = _encoder_flops(config, shape) * len(config.model.modalities)
    return Cost(sequences, sequences * passes * flops)


def _encoder_flops(config: Config, shape: tuple[int, ...]) -> int:
    """Count one encoder's forward pass; the same encoder is measured once."""
    encoder = dict(backbone=config.model.backbone, pooling=config.model.get('pooling'))
    key = repr((encoder, shape))
    if key not in _MEASURED:
        _MEASURED[key] = next(iter(encoder_complexity(init_model(config), shape).values())).flops
    return _MEASURED[key]


_MEASURED: dict[str, int] = {}


@lru_cache
def _split_size(path: str, split: str) -> int:
    return len(open_annotations(path).select(split))


@lru_cache
def multiply_rate(seconds: float = 0.5, size: int = 1024) -> float:
    """Measure the multiply-adds a second of a float32 matrix product on one thread here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    matrix = torch.randn(size, size)
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds or count < 2:
        matrix @ matrix
        count += 1
    torch.set_num_threads(threads)
    return count * size**3 / passed
