"""A step of PCM3 against plain code, which runs the four passes of the encoder one by one."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from mmengine.registry import init_default_scope
from torch import Tensor

from benchmarks import methods
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
from mmcmd.models import PCM3
from mmcmd.registry import MODELS


def run(short: bool) -> Iterator[Figure]:
    """Time a step and its plain versions in turns. All have the same weights and random numbers."""
    init_default_scope('mmcmd')
    budget, batch, rounds = ('small', 4, 1) if short else ('paper', 16, 3)
    config = methods.read(methods.PCM3, budget)
    config.model.backbone.update(mode='stepwise', readout='last')  # also for the small budget
    torch.manual_seed(0)
    model = MODELS.build(config.model).train()
    inputs = torch.stack(list(methods.make_batch(config, batch)['inputs'])).float()
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
            'pcm3',
            f'PCM3 step, joint, batch {batch}',
            **ratio(times, name),
            goal='' if short else goal,
            against=f'plain code: four passes one by one, {text}',
            note=notes[name],
        )


def our_loss(inputs: Tensor) -> Callable[[PCM3], Tensor]:
    """Return a function that computes the loss as the runner does."""
    return lambda model: model.parse_losses(model(inputs, mode='loss'))[0]


def plain_loss(model: PCM3, **arguments: Any) -> Tensor:
    """Compute the loss of the plain code."""
    return sum(plain_pcm3(model, **arguments).values())
