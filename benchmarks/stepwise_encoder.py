"""Time a training step of the stepwise encoder against the frame-by-frame loop it replaces.

Both use the same weights and inputs in turns; the outputs and gradients must agree.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from mmcmd.models import BiGRU


def frame_by_frame(encoder: BiGRU, joints: Tensor) -> Tensor:
    """Feed a bidirectional ``nn.GRU`` one frame at a time and return the last frame's output."""
    frames = encoder.input_norm(joints.permute(0, 3, 4, 1, 2).flatten(1, 3)).permute(2, 0, 1)
    hidden = None
    for frame in frames:
        output, hidden = encoder.rnn(frame[None], hidden)
    return output[0]


def train_step(encoder: BiGRU, forward: Callable[[], Tensor]) -> tuple[float, Tensor, list[Tensor]]:
    """Return the seconds of a forward and backward pass, the feature and the gradients."""
    encoder.zero_grad()
    start = time.perf_counter()
    feature = forward()
    feature.square().mean().backward()
    seconds = time.perf_counter() - start
    return seconds, feature.detach(), [parameter.grad for parameter in encoder.parameters()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hidden', type=int, default=1024)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--frames', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=7)
    args = parser.parse_args()

    torch.manual_seed(0)
    encoder = BiGRU(hidden_size=args.hidden)
    joints = torch.randn(args.batch, 2, args.frames, 25, 3)
    ratios, times = [], []
    for turn in range(args.rounds + 1):
        loop, expected, loop_gradients = train_step(
            encoder, lambda: frame_by_frame(encoder, joints)
        )
        ours, feature, gradients = train_step(encoder, lambda: encoder(joints))
        if turn:  # the first round warms up
            ratios.append(loop / ours)
            times.append((loop, ours))
    torch.testing.assert_close(feature, expected, atol=1e-5, rtol=0)
    for found, wanted in zip(gradients, loop_gradients, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    loop, ours = (statistics.median(x) for x in zip(*times, strict=True))
    print(
        f'hidden {args.hidden}, batch {args.batch}, {args.frames} frames, '
        f'{torch.get_num_threads()} threads: loop {loop:.2f} s, stepwise {ours:.2f} s, '
        f'median ratio {statistics.median(ratios):.2f} '
        f'({min(ratios):.2f} to {max(ratios):.2f}); outputs and gradients equal within 1e-5'
    )


if __name__ == '__main__':
    main()
