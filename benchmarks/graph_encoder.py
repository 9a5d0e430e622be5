"""A pre-training step with ST-GCN under our adapter against the same written out for ST-GCN."""

from collections.abc import Iterator
from copy import deepcopy

import torch
import torch.nn.functional as F
from mmaction.models import STGCN
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from benchmarks.cmd_step import Step, info_nce, our_loss
from benchmarks.harness import Figure, check_equal, in_turns, ratio
from mmcmd.registry import MODELS

CONFIG = 'configs/cmd/cmd_stgcn_quarter_ntu60_xsub.py'


class Encoder(nn.Module):
    """ST-GCN, the mean of its map, and two layers."""

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
    """MoCo v2 for that one encoder, with no registry, modality, head or runner."""

    def __init__(self, base_channels: int, queue_size: int, momentum: float) -> None:
        super().__init__()
        self.query_encoders = Encoder(base_channels)  # as the optimizer of `Step` calls it
        self.key_encoder = deepcopy(self.query_encoders).requires_grad_(False)
        self.register_buffer('queue', torch.zeros(128, queue_size))
        self.momentum, self.start = momentum, 0

    def loss(self, query_view: Tensor, key_view: Tensor) -> Tensor:
        """Return the loss and advance the key encoder and the queue."""
        with torch.no_grad():
            for k, q in zip(
                self.key_encoder.parameters(), self.query_encoders.parameters(), strict=True
            ):
                k.mul_(1 - self.momentum).add_(q, alpha=self.momentum)
            key = self.key_encoder(key_view)
        query = self.query_encoders(query_view)
        loss = info_nce(query, key, query @ self.queue.clone(), 0.07)
        self.queue[:, self.start : self.start + len(key)] = key.T
        self.start = (self.start + len(key)) % self.queue.shape[1]
        return loss


def flat(encoder: nn.Module) -> list[Tensor]:
    """List parameters and BatchNorm statistics, backbone first."""
    return [x for module in (encoder.backbone, encoder.neck) for x in module.state_dict().values()]


def run(short: bool) -> Iterator[Figure]:
    """Time both from the same weights, queue and inputs."""
    init_default_scope('mmcmd')
    config = Config.fromfile(CONFIG).model
    config.modalities = ('joint',)
    frames = 8 if short else 64
    for width, batch, rounds in [(16, 8, 2)] if short else [(16, 8, 31), (16, 64, 9), (64, 8, 9)]:
        config.backbone.base_channels = width
        torch.manual_seed(0)
        model = MODELS.build(config).train()
        head = model.heads['joint']
        plain = PlainMoCo(width, head.queue_size, model.momentum).train()
        plain.queue.copy_(head.queue)
        encoder = model.query_encoders['joint']
        for copy in (plain.query_encoders, plain.key_encoder):
            for mine, given in zip(flat(copy), flat(encoder), strict=True):
                mine.copy_(given)

        views = torch.randn(2, batch, 2, frames, 25, 3)
        ours = Step(model, lambda model, views=views: our_loss(model, *views))
        theirs = Step(plain, lambda model, views=views: model.loss(*views))
        for _ in range(2):
            check_equal(ours(), theirs(), 'loss of a step with ST-GCN', 1e-5, 1e-5)
        check_equal(head.queue, plain.queue, 'queue after two steps with ST-GCN', atol=1e-5)
        for found, wanted in (
            (encoder, plain.query_encoders),
            (model.key_encoders['joint'], plain.key_encoder),
        ):
            for a, b in zip(flat(found), flat(wanted), strict=True):
                check_equal(a, b, 'encoder after two steps with ST-GCN', atol=1e-5)

        yield Figure(
            'graph_encoder',
            f'ST-GCN of {width} channels, joint, queue {head.queue_size}, {frames} frames, '
            f'batch {batch}, train step',
            **ratio(in_turns(rounds, ours=ours, plain=theirs), 'plain'),
            goal='' if short else '>= 0.95',
            against="mmaction2's `STGCN` in a plain MoCo loop",
        )
