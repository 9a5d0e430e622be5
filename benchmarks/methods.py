"""A step of every pre-training method against one of MoCo, and PCM3 against plain code."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
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
    check_close_in_norm,
    check_equal,
    gradients,
    in_turns,
    ratio,
)
from benchmarks.plain_pcm3 import Encode, one_frame_at_a_time, one_pass_at_a_time, plain_pcm3
from benchmarks.step import Step
from mmcmd.apis import load_config
from mmcmd.config_files import configs_root
from mmcmd.models import PCM3
from mmcmd.registry import MODELS, TRANSFORMS
from mmcmd.reproduction.complexity import count_flops
from mmcmd.reproduction.paper import UNTRAINED
from mmcmd.reproduction.papers import METHODS
from mmcmd.skeletons import get_layout

MOCO, OURS = 'moco/moco.py', 'pcm3/pcm3.py'
GOALS = {OURS: '<= 4.5'}
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
    """Time each method and MoCo in turns, then PCM3 and its plain version."""
    init_default_scope('mmcmd')
    budget, batch, rounds = ('small', 4, 1) if short else ('paper', 16, 3)
    moco = TrainStep(read(MOCO, budget), batch)
    moco_count = count_flops(moco)
    for name in methods():
        goal = '' if short else GOALS.get(name, '')
        step = TrainStep(read(name, budget), batch)
        yield against_moco(name, step, moco, moco_count, rounds, goal)
    yield from against_restatement(batch, budget, rounds)


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


def against_restatement(batch: int, budget: str, rounds: int) -> Iterator[Figure]:
    """Compare a step of PCM3 with plain code that runs the four passes one by one.

    Both have the same weights and random numbers.
    """
    config = read(OURS, budget)
    config.model.backbone.update(mode='stepwise', readout='last')  # also for the small budget
    torch.manual_seed(0)
    model = MODELS.build(config.model).train()
    inputs = torch.stack(list(make_batch(config, batch)['inputs'])).float()
    draws = model.draw('joint', inputs)
    model.draw = lambda *_: draws
    ways: dict[str, tuple[Encode, str, str]] = {
        'loop': (one_frame_at_a_time, '>= 1.2', 'frame by frame as released'),
        'passes': (one_pass_at_a_time, '', "by this package's encoder over whole sequences"),
    }
    ours = Step(deepcopy(model), our_loss(inputs))
    sides, notes, first, wanted = {'ours': ours}, {}, ours(), gradients(ours.model)
    for name, (encode, *_) in ways.items():
        loss = partial(plain_loss, inputs=inputs, draws=draws, encode=encode)
        sides[name] = Step(deepcopy(model), loss)
        check_equal(sides[name](), first, f'loss of a PCM3 step, {name}', rtol=1e-4)
        slopes = gradients(sides[name].model)
        what = f'gradients of a PCM3 step, {name}'
        apart = check_close_in_norm(slopes, wanted, what, 1e-3, zero=1e-6)
        notes[name] = f'{rounds} rounds; every gradient differs by at most {apart:.1g} of its norm'
    times = in_turns(rounds, **sides)
    for name, (_, goal, text) in ways.items():
        yield Figure(
            'methods',
            f'PCM3 step, joint, batch {batch}',
            **ratio(times, name),
            goal='' if budget == 'small' else goal,
            against=f'plain code: four passes one by one, {text}',
            note=notes[name],
        )


def our_loss(inputs: Tensor) -> Callable[[PCM3], Tensor]:
    """Return a function that computes the loss as the runner does."""
    return lambda model: model.parse_losses(model(inputs, mode='loss'))[0]


def plain_loss(model: PCM3, **arguments: Any) -> Tensor:
    """Compute the loss of the plain code."""
    return sum(plain_pcm3(model, **arguments).values())
