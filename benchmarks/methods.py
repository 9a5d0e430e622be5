"""A step of every pre-training method against one of MoCo, with the common encoder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import FUNCTIONS, init_default_scope
from torch import Tensor

from benchmarks.harness import (
    Figure,
    in_turns,
    ratio,
)
from mmcmd.apis import load_config
from mmcmd.config_files import configs_root
from mmcmd.registry import MODELS, TRANSFORMS
from mmcmd.reproduction.complexity import count_flops
from mmcmd.reproduction.paper import UNTRAINED
from mmcmd.reproduction.papers import METHODS
from mmcmd.skeletons import get_layout

MOCO, PCM3 = 'moco/moco.py', 'pcm3/pcm3.py'
GOALS = {PCM3: '<= 4.5'}
FRAMES = 90
"""Number of frames of the random sequences that the pipelines turn into views."""


class TrainStep:
    """A step of a method: preprocessing of a batch, losses, backward pass and optimizer.

    Args:
        config (Config): Config of the method.
        batch (int): Number of samples.
        device (str): Device of the model. Defaults to ``'cpu'``.
    """

    def __init__(self, config: Config, batch: int, device: str = 'cpu') -> None:
        torch.manual_seed(0)
        self.model = MODELS.build(config.model).to(device)
        self.optimizer = build_optim_wrapper(self.model, config.optim_wrapper)
        # In the last epoch, all losses of a method are used.
        self.model.set_progress(config.train_cfg.max_epochs - 1, 1.0, seed=0)
        self.batch = make_batch(config, batch)
        self.model.train()

    def __call__(self) -> dict[str, Tensor]:
        """Run the step and return its losses."""
        return self.model.train_step(self.batch, self.optimizer)


def read(name: str, budget: str) -> Config:
    """Return the config of a method with the encoder of the common recipe."""
    return load_config(configs_root() / name, encoder='bigru', budget=budget)


def methods() -> list[str]:
    """List the configs of the methods of the papers that run with the common encoder."""
    common = [x.config for x in METHODS.values() if x.encoder is None]
    configs = dict.fromkeys(x for x in common if x != UNTRAINED)
    names = [name.removeprefix('configs/') for name in configs]
    return [name for name in names if not name.startswith('recipes/')]


def make_batch(config: Config, size: int) -> dict[str, Any]:
    """Make a batch of random sequences by the pipeline of a config, as a loader does."""
    dataset = config.train_dataloader.dataset
    pipeline = Compose([TRANSFORMS.build(step) for step in dataset.pipeline])
    shape = 2, FRAMES, get_layout(dataset.layout).num_joints, 3
    samples = [
        {
            'keypoint': np.random.default_rng(key).normal(size=shape).astype(np.float32),
            'total_frames': FRAMES,
            'label': 0,
            'layout': dataset.layout,
            'clip_len': dataset.clip_len,
            'rng': np.random.default_rng(key),
            'frame_dir': f'sample{key}',
            'sample_idx': key,
        }
        for key in range(size)
    ]
    return FUNCTIONS.get(config.train_dataloader.collate_fn.type)([pipeline(x) for x in samples])


def run(short: bool) -> Iterator[Figure]:
    """Time each method and MoCo in turns."""
    init_default_scope('mmcmd')
    budget, batch, rounds = ('small', 4, 1) if short else ('paper', 16, 3)
    moco = TrainStep(read(MOCO, budget), batch)
    moco_count = count_flops(moco)
    for name in methods():
        goal = '' if short else GOALS.get(name, '')
        step = TrainStep(read(name, budget), batch)
        yield against_moco(name, step, moco, moco_count, rounds, goal)


def against_moco(
    name: str, step: TrainStep, moco: TrainStep, moco_count: int, rounds: int, goal: str
) -> Figure:
    """Compare times and counted operations of a method with those of MoCo, for each stream."""
    streams = len(step.model.streams)
    counted = count_flops(step) / moco_count / streams
    times = in_turns(rounds, moco=moco, method=step)
    fields = ratio({**times, 'method': [x / streams for x in times['method']]}, 'method', 'moco')
    return Figure(
        'methods',
        f'{Path(name).stem}, {", ".join(step.model.streams)}: time of a step for each stream',
        **fields,
        goal=goal,
        against='step of MoCo, one stream',
        note=f'{rounds} rounds; multiply-adds counted for each stream: {counted:.2f} times MoCo',
    )
