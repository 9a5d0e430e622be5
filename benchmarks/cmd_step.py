"""A whole training step of CMD against Algorithm 1 in separate code for each modality."""

import statistics
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from benchmarks.algorithm_1 import algorithm_1
from benchmarks.harness import (
    Figure,
    change,
    check_close_in_norm,
    check_equal,
    gradients,
    in_turns,
    ratio,
    spread,
)
from benchmarks.step import Rest, Step, our_loss
from mmcmd.models import CMD
from mmcmd.registry import MODELS
from mmcmd.reproduction.complexity import encoder_complexity

CONFIG = 'configs/cmd/cmd_bigru_ntu60_xsub.py'
PRODUCTS = 8
"""Number of matrix products that measure the rate of the machine. They take one or two seconds."""

CHANGE_TOL = 1e-2
"""Allowed difference, relative to the norm of the changes of a step. A step changes a weight of
size 1 by about 1e-5, and the last bit of such a weight is almost 1 % of this change. Differences
are usually a few 1e-4. Gradients have no such rounding error."""


class Case(NamedTuple):
    """Sizes and goals of the comparison with Algorithm 1, and of the parts of the step."""

    batch: int
    rounds: int
    part_rounds: int
    goal: str = ''
    rate_goal: str = ''
    rest_goal: str = ''


CASES = (
    Case(16, 5, 7, goal='>= 1.7', rest_goal='<= 10'),
    Case(64, 3, 5, rate_goal='>= 75', rest_goal='<= 10'),
)


def set_apart(model: CMD) -> None:
    """Make key encoders and necks different from the query's, so that the update changes them."""
    with torch.no_grad():
        for part in (model.key_encoders, model.key_necks):
            for parameter in part.parameters():
                size = parameter.abs().mean() / 2 + 0.01
                parameter.add_(torch.randn_like(parameter) * size)


def check_first_step(ours: Step, plain: Step, tol: float = 1e-4) -> str:
    """Check the loss, the gradients and the changes of a step; return the largest differences.

    Args:
        ours (Step): Step that was not run before.
        plain (Step): Step with a copy of the same model.
        tol (float): Tolerance of gradients, relative to their norm. The loss has a tenth of it.
            Defaults to 1e-4.

    Raises:
        Disagreement: If the steps differ by more.
    """
    before = {name: x.clone() for name, x in ours.model.state_dict().items()}
    check_equal(ours(), plain(), 'loss of a CMD step', rtol=tol / 10)
    sides = [step.model for step in (ours, plain)]
    slopes = (gradients(model) for model in sides)
    apart = check_close_in_norm(*slopes, 'gradients of a CMD step', tol)
    changes = (change(model.state_dict(), before) for model in sides)
    changed = check_close_in_norm(*changes, 'change by a CMD step', CHANGE_TOL)
    return (
        f'every gradient differs by at most {apart:.1g} of its norm, and the change of every '
        f'weight, statistic and queue by at most {changed:.1g} of its norm'
    )


def run(short: bool) -> Iterator[Figure]:
    """Time both with the same weights, queues and inputs; then time the parts of our step."""
    init_default_scope('mmcmd')
    config = Config.fromfile(CONFIG).model
    frames, side = (8, 512) if short else (64, 2048)
    if short:
        config.backbone.hidden_size = 128
        config.queue.size, config.distill_head.topk = 1024, 512
    queue, topk = config.queue.size, config.distill_head.topk

    for case in [Case(8, 1, 1)] if short else CASES:
        torch.manual_seed(0)
        model = MODELS.build(config)
        # Query forward, key forward, and query backward, which costs as much as two forward
        # passes (a test counts them).
        macs = 4 * sum(x.flops for x in encoder_complexity(model, (2, frames, 25, 3)).values())
        set_apart(model.train())
        views = torch.randn(2, case.batch, 2, frames, 25, 3)
        ours = Step(model, lambda model, views=views: our_loss(model, *views))
        text = f'joint, motion, bone; queue {queue}, K {topk}, {frames} frames, batch {case.batch}'
        yield against_algorithm_1(case, text, ours, views)
        yield from parts(case, text, ours, views, 2 * macs * case.batch, side)


def against_algorithm_1(case: Case, text: str, ours: Step, views: Tensor) -> Figure:
    """Time our step and one of Algorithm 1, both from the same state."""
    plain = Step(deepcopy(ours.model), lambda model: algorithm_1(model, *views))
    agreement = check_first_step(ours, plain)
    return Figure(
        'cmd_step',
        text,
        **ratio(in_turns(case.rounds, ours=ours, algorithm_1=plain), 'algorithm_1'),
        goal=case.goal,
        against='Algorithm 1 of the CMD paper, modality by modality, frame by frame',
        note=f'{case.rounds} rounds; {agreement}',
    )


def parts(
    case: Case, text: str, ours: Step, views: Tensor, flops: float, side: int
) -> Iterator[Figure]:
    """Compare a step with the rate of the machine, and the part without encoders with the step.

    Args:
        case (Case): Rounds and goals.
        text (str): Description of the case.
        ours (Step): Step that was run before.
        views (Tensor): Query and key view, shape (2, N, M, T, V, C).
        flops (float): Operations of the encoders in a step; a multiply-add counts as two.
        side (int): Number of rows and columns of the matrices that are multiplied.
    """
    left, right = torch.randn(2, side, side)
    product = partial(multiply, left, right)
    times = in_turns(
        case.part_rounds, before=product, ours=ours, after=product, rest=Rest(ours, *views)
    )
    rates = [
        2e-9 * side**3 * PRODUCTS / ((before + after) / 2)
        for before, after in zip(times['before'], times['after'], strict=True)
    ]
    shares = [
        100 * 1e-9 * flops / step / rate for step, rate in zip(times['ours'], rates, strict=True)
    ]
    rounds = f'{case.part_rounds} rounds'
    yield Figure(
        'cmd_step',
        f'{text}: operations of the encoders divided by the time of the whole step',
        **spread(shares),
        unit='%',
        goal=case.rate_goal,
        against=f'rate of a {side} x {side} float32 product, measured before and after each step',
        times=dict(ours=statistics.median(times['ours'])),
        note=f'{rounds}; {flops / 1e12:.3g} TFLOP a step; products at '
        f'{statistics.median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f}) GFLOP/s',
    )
    yield Figure(
        'cmd_step',
        f'{text}: the step without its encoders',
        **spread([100 * a / b for a, b in zip(times['rest'], times['ours'], strict=True)]),
        unit='%',
        goal=case.rest_goal,
        against='the whole step',
        times={name: statistics.median(times[name]) for name in ('rest', 'ours')},
        note=f'{rounds}; the same step without the passes of the backbones: modalities, '
        'projections, queues, losses, optimizer and momentum update of all weights',
    )


def multiply(left: Tensor, right: Tensor) -> None:
    """Multiply two matrices :data:`PRODUCTS` times."""
    for _ in range(PRODUCTS):
        torch.mm(left, right)
