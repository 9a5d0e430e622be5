"""Masks of body parts. Drawing random numbers and applying them are separate functions.

The drawn numbers are a small tensor on the CPU. A test can use given numbers instead, for example
numbers recorded from other code.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

import torch
from torch import Generator, Tensor

from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout


def body_parts(layout: str | Mapping[str, Any]) -> tuple[tuple[int, ...], ...]:
    """Return the joints of each body part of a layout.

    Args:
        layout (str | Mapping): Joint layout, see :func:`get_layout`.

    Returns:
        tuple[tuple[int, ...], ...]: The indices of the joints of each part.

    Raises:
        InputError: If the layout has no body parts.
    """
    skeleton = get_layout(layout)
    if skeleton.parts is None:
        raise InputError(
            f'layout {skeleton.name!r} has no body parts, but this method masks or mixes '
            'them; give the layout `parts`: the joints of trunk, left arm, right arm, left leg and '
            'right leg'
        )
    return skeleton.parts


class BodyPartMask:
    """A mask of whole body parts. It changes from one segment of frames to the next (PCM3).

    Args:
        layout (str | Mapping): Joint layout with ``parts``.
        frames (int): Number of frames of a segment. The last segment may be shorter. Defaults to 8.
        ratio (float): Fraction of the parts to mask. Their number is rounded down. Defaults to 0.6,
            which is 3 of 5 parts, as in the released code.

    Raises:
        InputError: If the layout has no parts, or no part or all parts would be masked.
    """

    def __init__(
        self, layout: str | Mapping[str, Any] = 'ntu', frames: int = 8, ratio: float = 0.6
    ) -> None:
        self.parts = body_parts(layout)
        self.num_joints = get_layout(layout).num_joints
        self.frames = frames
        self.count = int(len(self.parts) * ratio)
        if frames < 1 or not 0 < self.count < len(self.parts):
            raise InputError(
                f'a mask of body parts needs segments of 1 frame or more and a ratio that masks 1 '
                f'to {len(self.parts) - 1} of {len(self.parts)} parts, but got frames={frames}, '
                f'ratio={ratio}'
            )

    def draw(self, generator: Generator, num_frames: int) -> Tensor:
        """Draw the parts to mask in each segment, without replacement.

        Args:
            generator (torch.Generator): On the CPU.
            num_frames (int): Number of frames, T.

        Returns:
            Tensor: Indices of parts, shape (segments, count), on the CPU.
        """
        stretches = ceil(num_frames / self.frames)
        order = torch.rand(stretches, len(self.parts), generator=generator).argsort(dim=1)
        return order[:, : self.count]

    def kept(self, masked: Tensor, num_frames: int) -> Tensor:
        """Return the mask of drawn parts.

        Args:
            masked (Tensor): Indices of the parts to mask in each segment, shape (segments, count).
            num_frames (int): Number of frames, T.

        Returns:
            Tensor: False where a joint is masked, shape (T, V), bool, on the CPU.
        """
        hidden = torch.zeros(len(masked), self.num_joints, dtype=torch.bool)
        for stretch, parts in enumerate(masked.tolist()):
            for part in parts:
                hidden[stretch, list(self.parts[part])] = True
        return ~hidden.repeat_interleave(self.frames, dim=0)[:num_frames]


def first_person_alone(kept: Tensor, num_person: int) -> Tensor:
    """Extend a mask of the first person to all persons. The other persons are not masked.

    Args:
        kept (Tensor): False where a joint of the first person is masked, shape (T, V).
        num_person (int): Number of persons, M.

    Returns:
        Tensor: Shape (M, T, V, 1), bool.
    """
    others = torch.ones_like(kept).expand(num_person - 1, *kept.shape)
    return torch.cat([kept[None], others])[..., None]


def masked_mse(prediction: Tensor, target: Tensor, kept: Tensor) -> Tensor:
    """Return the mean squared error over the masked coordinates, in float32 or wider.

    Args:
        prediction (Tensor): Shape (N, M, T, V, C).
        target (Tensor): The values without mask, shape (N, M, T, V, C).
        kept (Tensor): False where a joint is masked, shape (M, T, V, 1).

    Returns:
        Tensor: Shape ().
    """
    wide = torch.promote_types(prediction.dtype, torch.float32)
    error = (prediction.to(wide) - target).square() * ~kept
    samples, channels = prediction.shape[0], prediction.shape[-1]
    return error.sum() / ((~kept).sum() * (samples * channels))
