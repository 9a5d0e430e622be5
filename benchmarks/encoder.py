"""A training step of the stepwise encoder against feeding ``nn.GRU`` one frame at a time."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.harness import Figure, check_close_in_norm, gradients, in_turns, ratio
from benchmarks.precision import PRECISIONS, Precision
from mmcmd.models import BiGRU
from mmcmd.models.backbones.kernels import cast_together

GOALS = {16: '>= 1.9', 64: '>= 1.15'}


def frame_by_frame(encoder: BiGRU, joints: Tensor) -> Tensor:
    """Feed a bidirectional ``nn.GRU`` one frame at a time and return the last frame's output.

    Args:
        encoder (BiGRU): Encoder with the weights.
        joints (Tensor): Shape (N, M, T, V, C).
    """
    frames = encoder.input_norm(joints.permute(0, 3, 4, 1, 2).flatten(1, 3)).permute(2, 0, 1)
    hidden, device, run = None, joints.device.type, encoder.rnn
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        frames, run = frames.to(dtype), cast_once(encoder.rnn, dtype)
    with torch.autocast(device, enabled=False):
        for frame in frames:
            output, hidden = run(frame[None], hidden)
    return output[0]


def cast_once(rnn: nn.GRU, dtype: torch.dtype) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return the network with cast weights. Autocast would cast them again in each frame."""
    weights = cast_together(rnn._flat_weights, dtype)

    def run(frame: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        if hidden is None:
            hidden = frame.new_zeros(2 * rnn.num_layers, frame.shape[1], rnn.hidden_size)
        return torch.gru(
            frame, hidden, weights, True, rnn.num_layers, 0.0, rnn.training, True, False
        )

    return run


def train_step(
    encoder: BiGRU,
    forward: Callable[[], Tensor],
    target: Tensor,
    precision: Precision = PRECISIONS['float32'],
) -> dict[str, Tensor]:
    """Run forward and backward.

    Args:
        encoder (BiGRU): Encoder that gets new gradients.
        forward (Callable): Returns the features, shape (N, D).
        target (Tensor): Target of the features, shape (N, D). It holds normal random numbers, so
            that the loss is about 1.
        precision (Precision, optional): Number format of the forward pass. Defaults to float32.

    Returns:
        dict[str, Tensor]: ``feature``, and the gradients by name.
    """
    encoder.zero_grad()
    with precision.casting(target.device.type):
        feature = forward()
    F.mse_loss(feature.float(), target).backward()
    return {'feature': feature.detach()} | gradients(encoder)


def run(short: bool) -> Iterator[Figure]:
    """Time both with the same weights and inputs."""
    hidden, frames, rounds = (256, 16, 2) if short else (1024, 64, 7)
    for batch, goal in GOALS.items():
        torch.manual_seed(0)
        encoder = BiGRU(hidden_size=hidden)
        joints = torch.randn(batch, 2, frames, 25, 3)
        target = torch.randn(batch, encoder.out_channels)
        ours = partial(train_step, encoder, partial(encoder, joints), target)
        loop = partial(train_step, encoder, partial(frame_by_frame, encoder, joints), target)
        apart = check_close_in_norm(ours(), loop(), 'feature or gradient of the stepwise encoder')
        yield Figure(
            'encoder',
            f'stepwise, hidden {hidden} x 3, {frames} frames, batch {batch}, train step',
            **ratio(in_turns(rounds, ours=ours, loop=loop), 'loop'),
            goal='' if short else goal,
            against='frame-by-frame `nn.GRU`',
            note=f'{rounds} rounds; feature and gradients differ by at most {apart:.1g} of their '
            'norm',
        )
