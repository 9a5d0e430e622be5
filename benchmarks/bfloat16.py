"""CMD steps on a CPU in bfloat16 (``--amp --amp-dtype bfloat16``) against float32."""

from collections.abc import Iterator
from copy import deepcopy

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from benchmarks.cmd_step import CONFIG
from benchmarks.harness import Disagreement, Figure, in_turns, ratio
from benchmarks.step import Step, our_loss
from mmcmd.models import CMD
from mmcmd.models.precision import multiplies_bfloat16
from mmcmd.registry import MODELS

STEPS = 20
TOL = 0.01
"""Allowed relative difference of a loss, in each of the steps."""


class Side:
    """A model that takes steps and stores its losses. Two sides use the same batches.

    Each step uses the next batch, as in an epoch.
    """

    def __init__(self, model: CMD, batches: Tensor, bfloat16: bool) -> None:
        self.batches, self.bfloat16 = iter(batches), bfloat16
        self.losses = []
        self.step = Step(model, self.loss)

    def loss(self, model: CMD) -> Tensor:
        """Compute the loss of the next batch, as the runner does."""
        with torch.autocast('cpu', torch.bfloat16, enabled=self.bfloat16):
            return our_loss(model, *next(self.batches))

    def __call__(self) -> None:
        """Take a step."""
        self.losses.append(self.step().item())


def run(short: bool) -> Iterator[Figure]:
    """Take steps in turns, and compare their times and losses."""
    init_default_scope('mmcmd')
    config = Config.fromfile(CONFIG).model
    hidden, frames, batch = (256, 8, 32) if short else (1024, 64, 64)
    config.backbone.hidden_size = hidden
    if short:
        config.queue.size, config.distill_head.topk = 1024, 512
    torch.manual_seed(0)
    model = MODELS.build(config)
    batches = torch.randn(STEPS, 2, batch, 2, frames, 25, 3)
    sides = {
        name: Side(deepcopy(model).train(), batches, name == 'bfloat16')
        for name in ('bfloat16', 'float32')
    }
    times = in_turns(STEPS - 1, **sides)
    apart = max(
        abs(ours / theirs - 1)
        for ours, theirs in zip(*(x.losses for x in sides.values()), strict=True)
    )
    if not apart <= TOL:
        raise Disagreement(
            f'losses of CMD in bfloat16 differ from those in float32 by the share {apart:.2g}, '
            f'which is above {TOL}'
        )
    capable = multiplies_bfloat16()
    yield Figure(
        'bfloat16',
        f'CMD step, hidden {hidden} x 3, {frames} frames, batch {batch}',
        **ratio(times, 'float32', 'bfloat16'),
        goal='' if short or not capable else '>= 1.8',
        against='the same step in float32',
        note=f'{STEPS} steps in turns; each loss within {apart:.1g} of float32; this CPU '
        f'{"has" if capable else "lacks"} instructions for bfloat16',
    )
