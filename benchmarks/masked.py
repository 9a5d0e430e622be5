"""Transformers on a CPU: cost of the kept tokens, MAMP against plain code, and memory of a step."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from benchmarks.harness import (
    Figure,
    check_close_in_norm,
    check_equal,
    gradients,
    in_turns,
    ratio,
    seconds,
)
from benchmarks.memory import peak_of
from benchmarks.methods import TrainStep
from benchmarks.plain_mamp import plain_mamp
from mmcmd.apis import load_config
from mmcmd.config_files import configs_root
from mmcmd.models.tokens import patch_steps

MAMP = 'mamp/mamp.py'
METHODS = MAMP, 'mamp/skeletonmae.py', 'stars/stars.py', 'usdrl/usdrl.py', 'slim/slim.py'
KEPT = 0.1
"""Share of the tokens that MAMP encodes."""
SEED = 0


def run(short: bool) -> Iterator[Figure]:
    """Measure the tokens and a step of MAMP, then the memory of each method."""
    for figure in measure(short):
        yield replace(figure, goal='') if short else figure


def measure(short: bool) -> Iterator[Figure]:
    """Measure, with goals for the full sizes."""
    init_default_scope('mmcmd')
    budget, rounds, batch = ('small', 1, 4) if short else ('paper', 5, 32)
    step = TrainStep(read(MAMP, budget), 4)
    yield kept_tokens(step, rounds)
    yield against_plain_code(step, rounds)
    for name in METHODS[:1] if short else METHODS:
        yield from memory(name, budget, batch)


def read(name: str, budget: str) -> Config:
    """Return the config of a method with its own encoder."""
    return load_config(configs_root() / name, budget=budget)


def joints_of(step: TrainStep) -> Tensor:
    """Return the joints (N, M, T, V, C) of the first view of a batch."""
    return torch.stack(list(step.batch['inputs'])).float()[:, 0]


def noise_of(step: TrainStep) -> Tensor:
    """Return a uniform random number for each token of a batch, shape (N M, T' V)."""
    samples, persons, frames, joints, _ = joints_of(step).shape
    steps = patch_steps(frames, step.model.encoders['joint'].backbone.patch_frames)
    return torch.rand(samples * persons, steps * joints)


def kept_tokens(step: TrainStep, rounds: int) -> Figure:
    """Compare encoding a tenth of the tokens with encoding all of them."""
    backbone, joints = step.model.encoders['joint'].backbone, joints_of(step)
    noise = noise_of(step)
    count = noise.shape[1]
    keep = noise.argsort(dim=1)[:, : round(KEPT * count)]
    with torch.no_grad():
        times = in_turns(
            rounds,
            tenth=partial(backbone.tokens, joints, keep),
            all=partial(backbone.tokens, joints),
        )
    return Figure(
        'masked',
        f'MAMP, encoding {keep.shape[1]} of {count} tokens',
        **ratio(times, 'tenth', 'all'),
        goal='<= 0.15',
        against='all tokens',
        note=f'{rounds} rounds, batch {len(joints)}',
    )


def against_plain_code(step: TrainStep, rounds: int) -> Figure:
    """Compare loss and backward pass of MAMP with plain code, which has explicit attention."""
    model, joints, uniform = step.model, joints_of(step), noise_of(step)

    def backward(loss_of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        model.zero_grad()
        loss = loss_of(joints, uniform)
        loss.backward()
        return loss.detach()

    ours = partial(backward, partial(model.prediction_error, 'joint'))
    plain = partial(backward, partial(plain_mamp, model))
    expected, wanted = plain(), {name: x.clone() for name, x in gradients(model).items()}
    check_equal(ours(), expected, 'loss of MAMP', rtol=1e-5)
    what = 'gradients of MAMP'
    apart = check_close_in_norm(gradients(model), wanted, what, zero=1e-6)
    return Figure(
        'masked',
        f'MAMP, loss and backward pass, batch {len(joints)}',
        **ratio(in_turns(rounds, ours=ours, plain=plain), 'plain'),
        goal='>= 1.3',
        against='plain code with explicit attention',
        note=f'{rounds} rounds; every gradient differs by at most {apart:.1g} of its norm',
    )


def memory(name: str, budget: str, batch: int) -> Iterator[Figure]:
    """Measure the memory of loss and backward pass, with and without activation checkpointing."""
    found = []
    for with_cp in (False, True):
        config = read(name, budget)
        for part in (config.model.backbone, config.model.get('decoder')):
            if part is not None:
                part.with_cp = with_cp
        work = Backward(config, batch)
        peak, loss = peak_of(work)
        found.append((peak, loss, gradients(work.model), seconds(work)))
    (peak, loss, wanted, time), (less, same, slopes, longer) = found
    method = Path(name).stem
    check_equal(same, loss, f'loss of {method} with activation checkpointing', rtol=1e-5)
    what = f'gradients of {method} with activation checkpointing'
    apart = check_close_in_norm(slopes, wanted, what, zero=1e-6)
    case = f'{method}, loss and backward pass, batch {batch}'
    yield Figure('masked', case, peak, unit='MB', note='memory above the model and its inputs')
    yield Figure(
        'masked',
        f'{case}, activation checkpointing',
        less / peak,
        goal='<= 0.5',
        against='memory without it',
        note=f'{less:.0f} MB; {longer / time:.2f} times the time; every gradient differs by at '
        f'most {apart:.1g} of its norm',
    )


class Backward:
    """Loss and backward pass of a method, with the same random numbers in each call.

    Args:
        config (Config): Config of the method.
        batch (int): Number of samples.
    """

    def __init__(self, config: Config, batch: int) -> None:
        step = TrainStep(config, batch)
        self.model = step.model
        self.data = self.model.data_preprocessor(step.batch, training=True)

    def __call__(self) -> Tensor:
        """Compute the gradients, and return the loss."""
        self.model.zero_grad()
        torch.manual_seed(SEED)
        self.model.set_progress(0, 0.0, seed=SEED)
        loss, _ = self.model.parse_losses(self.model(**self.data, mode='loss'))
        loss.backward()
        return loss.detach()
