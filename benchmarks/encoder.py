"""A training step of the stepwise encoder against feeding ``nn.GRU`` one frame at a time."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.harness import Figure, check_equal, in_turns, ratio
from mmcmd.models import BiGRU

GOALS = {16: '>= 1.9', 64: '>= 1.15'}


def frame_by_frame(encoder: BiGRU, joints: Tensor) -> Tensor:
    """Feed a bidirectional ``nn.GRU`` one frame at a time and return the last frame's output.

    Args:
        encoder (BiGRU): Whose weights are used.
        joints (Tensor): Shape (N, M, T, V, C).
    """
    frames = encoder.input_norm(joints.permute(0, 3, 4, 1, 2).flatten(1, 3)).permute(2, 0, 1)
    hidden = None
    for frame in frames:
        output, hidden = encoder.rnn(frame[None], hidden)
    return output[0]


def train_step(encoder: BiGRU, forward: partial) -> list[Tensor]:
    """Run forward and backward; return the feature and the gradients."""
    encoder.zero_grad()
    feature = forward()
    feature.square().mean().backward()
    return [feature.detach(), *(parameter.grad for parameter in encoder.parameters())]


def run(short: bool) -> Iterator[Figure]:
    """Time both with the same weights and inputs."""
    hidden, frames, rounds = (256, 16, 2) if short else (1024, 64, 7)
    for batch, goal in GOALS.items():
        torch.manual_seed(0)
        encoder = BiGRU(hidden_size=hidden)
        joints = torch.randn(batch, 2, frames, 25, 3)
        ours = partial(train_step, encoder, partial(encoder, joints))
        loop = partial(train_step, encoder, partial(frame_by_frame, encoder, joints))
        for found, wanted in zip(ours(), loop(), strict=True):
            check_equal(found, wanted, 'feature or gradient of the stepwise encoder', atol=1e-5)
        yield Figure(
            'encoder',
            f'stepwise, hidden {hidden} x 3, {frames} frames, batch {batch}, train step',
            **ratio(in_turns(rounds, ours=ours, loop=loop), 'loop'),
            goal='' if short else goal,
            against='frame-by-frame `nn.GRU`',
        )
