"""A pre-training step with ST-GCN in this package against a plain MoCo with ST-GCN."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmaction.models import STGCN
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from benchmarks.algorithm_1 import info_nce
from benchmarks.cmd_step import CHANGE_TOL, set_apart
from benchmarks.harness import (
    Figure,
    change,
    check_close_in_norm,
    check_equal,
    in_turns,
    ratio,
)
from benchmarks.step import Step, our_loss
from mmcmd.apis import load_config
from mmcmd.models import CMD
from mmcmd.registry import MODELS

CONFIG = 'configs/cmd/cmd.py'
ZERO = 1e-4
"""Gradients below this share of the norm of all gradients count as zero. The bias of a convolution
before a BatchNorm has only rounding errors as its gradient, about 1e-7 of the norm. The smallest
other gradient has about 1e-3."""


class Encoder(nn.Module):
    """ST-GCN, the mean of its feature map, and two linear layers."""

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        graph = dict(layout='nturgb+d', mode='stgcn_spatial')
        self.backbone = STGCN(graph, base_channels=base_channels)
        size = 4 * base_channels
        self.neck = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, 128))

    def forward(self, x: Tensor) -> Tensor:
        """Embed (N, M, T, V, C): (N, 128)."""
        return F.normalize(self.neck(self.backbone(x).mean(dim=(1, 3, 4))), dim=1)


class PlainMoCo(nn.Module):
    """MoCo v2 for this encoder only, without registry, modality, head or runner."""

    def __init__(self, base_channels: int, queue_size: int, momentum: float) -> None:
        super().__init__()
        self.encoders = Encoder(base_channels)
        self.key_encoder = deepcopy(self.encoders).requires_grad_(False)
        self.register_buffer('queue', torch.zeros(128, queue_size))
        self.momentum, self.start = momentum, 0

    def loss(self, query_view: Tensor, key_view: Tensor) -> Tensor:
        """Return the loss and advance the key encoder and the queue."""
        with torch.no_grad():
            for k, q in zip(self.key_encoder.parameters(), self.encoders.parameters(), strict=True):
                k.mul_(1 - self.momentum).add_(q, alpha=self.momentum)
            key = self.key_encoder(key_view)
        query = self.encoders(query_view)
        loss = info_nce(query, key, query @ self.queue.clone(), 0.07)
        self.queue[:, self.start : self.start + len(key)] = key.T
        self.start = (self.start + len(key)) % self.queue.shape[1]
        return loss


class Parts(NamedTuple):
    """The two modules that embed a sequence."""

    backbone: nn.Module
    neck: nn.Module


def flat(parts: Parts, named: Callable = nn.Module.named_parameters) -> dict[str, Tensor]:
    """Return parameters or buffers, with names that are the same for both implementations."""
    neck = {f'neck.{place}': x for place, (_, x) in enumerate(named(parts.neck))}
    return dict(named(parts.backbone)) | neck


def copy_weights(model: CMD, plain: PlainMoCo) -> None:
    """Copy weights and queue of our model to the plain implementation."""
    plain.queue.copy_(model.queues['joint'].queue)
    with torch.no_grad():
        for found, wanted in encoders(model, plain):
            for x, y in zip(flat(found).values(), flat(wanted).values(), strict=True):
                y.copy_(x)


def encoders(model: CMD, plain: PlainMoCo) -> list[tuple[Parts, Parts]]:
    """Pair our query encoder and our key encoder with the plain ones."""
    ours = (model.encoders, model.necks), (model.key_encoders, model.key_necks)
    theirs = plain.encoders, plain.key_encoder
    return [
        (Parts(encoders['joint'].backbone, necks['joint']), Parts(plain.backbone, plain.neck))
        for (encoders, necks), plain in zip(ours, theirs, strict=True)
    ]


def check_steps(ours: Step, theirs: Step) -> str:
    """Check the losses of two steps, and the gradients and changes of the first step.

    Returns:
        str: Text with the largest differences.
    """
    what = 'by a step with ST-GCN'
    pairs, own = encoders(ours.model, theirs.model), ours.model.queues['joint']
    starts, queue = deepcopy(pairs), own.queue.clone()
    check_equal(ours(), theirs(), f'loss {what}', rtol=1e-5)
    slopes = ({name: x.grad for name, x in flat(encoder).items()} for encoder in pairs[0])
    apart = check_close_in_norm(*slopes, f'gradients {what}', zero=ZERO)

    changed = [
        check_close_in_norm(
            *(change(flat(x, named), flat(start, named)) for x, start in zip(*both, strict=True)),
            f'change {what}',
            CHANGE_TOL,
            zero,
        )
        for named, zero in ((nn.Module.named_buffers, 0), (nn.Module.named_parameters, ZERO))
        for both in zip(pairs, starts, strict=True)
    ]
    queues = (dict(queue=x - queue) for x in (own.queue, theirs.model.queue))
    changed.append(check_close_in_norm(*queues, f'change {what}'))
    check_equal(ours(), theirs(), f'loss of a second step {what}', rtol=1e-4)
    return (
        f'every gradient differs by at most {apart:.1g} of its norm, and the change of every '
        f'weight, statistic and queue by at most {max(changed):.1g} of its norm'
    )


def run(short: bool) -> Iterator[Figure]:
    """Time both with the same weights, queue and inputs."""
    init_default_scope('mmcmd')
    config = load_config(CONFIG, encoder='stgcn_quarter').model
    config.modalities = ('joint',)
    frames = 8 if short else 64
    for width, batch, rounds in [(16, 8, 2)] if short else [(16, 8, 31), (16, 64, 9), (64, 8, 9)]:
        config.backbone.base_channels = width
        torch.manual_seed(0)
        model = MODELS.build(config).train()
        set_apart(model)
        plain = PlainMoCo(width, config.queue.size, model.momentum).train()
        copy_weights(model, plain)
        views = torch.randn(2, batch, 2, frames, 25, 3)
        ours = Step(model, lambda model, views=views: our_loss(model, *views))
        theirs = Step(plain, lambda model, views=views: model.loss(*views))
        agreement = check_steps(ours, theirs)
        yield Figure(
            'graph_encoder',
            f'ST-GCN of {width} channels, joint, queue {config.queue.size}, {frames} frames, '
            f'batch {batch}, train step',
            **ratio(in_turns(rounds, ours=ours, plain=theirs), 'plain'),
            goal='' if short else '>= 0.95',
            against="mmaction2's `STGCN` in a plain MoCo loop",
            note=f'{rounds} rounds; {agreement}',
        )
