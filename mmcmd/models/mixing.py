"""Mixing of two samples of a batch in space and time (PCM3).

Drawing random numbers (:class:`BodyPartMix`) and applying them (:func:`mix_samples`) are separate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from mmcmd.errors import InputError
from mmcmd.models.masking import body_parts
from mmcmd.skeletons import get_layout


@dataclass(frozen=True)
class Mix:
    """Random numbers of one mixing step. All samples of a batch are mixed in the same way.

    Attributes:
        choice (float): Kind of mixing. Above 0.5, a region is replaced by that of the partner. From
            0.25 to 0.5, the frames of the partner are also compressed in time. Below, whole clips
            are interpolated (mixup).
        shift (int): The partner of sample i is sample (i + shift) modulo N.
        joints (tuple[int, ...]): Joints of the region.
        first (int): First frame of the region.
        length (int): Number of frames of the region.
        weight (float): Fraction of the partner in the mixed sample, lambda.
    """

    choice: float
    shift: int
    joints: tuple[int, ...]
    first: int
    length: int
    weight: float


class BodyPartMix:
    """Draw the random numbers that mix the samples of a batch (PCM3).

    Args:
        layout (str | Mapping): Joint layout with ``parts``.
        window (Sequence[int]): Smallest and largest length of the region in frames. Both must be
            multiples of ``stride``. Defaults to (28, 44).
        stride (int): The region begins and ends at multiples of this number of frames. Defaults to
            4.
        num_parts (Sequence[int]): Smallest and largest number of body parts. Defaults to (2, 3).

    Raises:
        InputError: If the layout has no parts, or ``window``, ``stride`` or ``num_parts`` is
            invalid.
    """

    min_samples = 3  # as in the released code, the partner is 1 to N - 2 samples away

    def __init__(
        self,
        layout: str | Mapping[str, Any] = 'ntu',
        window: Sequence[int] = (28, 44),
        stride: int = 4,
        num_parts: Sequence[int] = (2, 3),
    ) -> None:
        self.parts = body_parts(layout)
        self.num_joints = get_layout(layout).num_joints
        self.window, self.stride, self.num_parts = tuple(window), stride, tuple(num_parts)
        if stride < 1 or any(x % stride for x in window) or not 0 < window[0] <= window[1]:
            raise InputError(
                f'mixing needs a window of two lengths in frames, the smaller one first, which are '
                f'multiples of the stride, but got window={self.window}, stride={stride}'
            )
        if not 1 <= num_parts[0] <= num_parts[1] <= len(self.parts):
            raise InputError(
                f'mixing needs two numbers of body parts in 1 to {len(self.parts)}, the smaller '
                f'one first, but got num_parts={self.num_parts}'
            )

    def draw(self, generator: Generator, batch: int, num_frames: int) -> Mix:
        """Draw the random numbers of one step.

        Args:
            generator (torch.Generator): On the CPU.
            batch (int): Number of samples, N, 3 or more.
            num_frames (int): Number of frames, T.

        Raises:
            InputError: If the batch is too small or the clip is shorter than the longest window.
        """
        if batch < self.min_samples:
            raise InputError(
                f'mixing needs a batch of {self.min_samples} samples or more on each rank, but got '
                f'{batch}; raise train_dataloader.batch_size'
            )
        if num_frames < self.window[1]:
            raise InputError(
                f'the window of mixing is up to {self.window[1]} frames, but the clips have '
                f'{num_frames}; lower model.mixing.window or raise clip_len'
            )

        def integer(low: int, high: int) -> int:
            return int(torch.randint(low, high + 1, (), generator=generator))

        def uniform() -> float:
            return float(torch.rand((), generator=generator))

        count = integer(*self.num_parts)
        parts = torch.randperm(len(self.parts), generator=generator)[:count].tolist()
        joints = tuple(sorted(joint for part in parts for joint in self.parts[part]))
        length = self.stride * integer(*(x // self.stride for x in self.window))
        first = self.stride * integer(0, (num_frames - length) // self.stride)
        choice, weight = uniform(), uniform()
        if choice > 0.25:
            weight = length / num_frames * len(joints) / self.num_joints
        return Mix(choice, integer(1, batch - 2), joints, first, length, weight)


def mix_samples(samples: Tensor, mix: Mix) -> Tensor:
    """Mix each sample of a batch with its partner.

    Args:
        samples (Tensor): Any modality, shape (N, M, T, V, C).
        mix (Mix): The random numbers.

    Returns:
        Tensor: Shape (N, M, T, V, C).
    """
    partners = samples.roll(-mix.shift, dims=0)
    if mix.choice <= 0.25:
        return samples.lerp(partners, mix.weight)
    num_frames, num_joints = samples.shape[2:4]
    end = mix.first + mix.length
    if mix.choice <= 0.5:  # up to twice as many frames, by nearest neighbour
        span = min(2 * mix.length, num_frames)
        source = torch.arange(num_frames)
        source[mix.first : end] = torch.arange(mix.length) * span // mix.length
        partners = partners.index_select(2, source.to(samples.device, non_blocking=True))
    region = torch.zeros(num_frames, num_joints, 1, dtype=torch.bool)
    region[mix.first : end, list(mix.joints)] = True
    return torch.where(region.to(samples.device, non_blocking=True), partners, samples)


def mix_keys(keys: Tensor, mix: Mix) -> Tensor:
    """Interpolate keys (N, D) with the keys of the partners, and L2-normalise the result."""
    mixed = keys.lerp(keys.roll(-mix.shift, dims=0), mix.weight)
    return torch.nn.functional.normalize(mixed, dim=1)
