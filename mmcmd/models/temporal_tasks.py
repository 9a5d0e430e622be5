"""Pretext inputs along time. Drawing random numbers and applying them are separate functions."""

from itertools import permutations

import torch
from torch import Generator, Tensor

from mmcmd.errors import InputError


def mask_tail(joints: Tensor, valid_frames: Tensor, visible: float) -> Tensor:
    """Keep the first part of the valid frames and set all later frames to zero (MS2L).

    Args:
        joints (Tensor): Shape (N, M, T, V, C).
        valid_frames (Tensor): Numbers of valid frames, n, shape (N,).
        visible (float): Fraction of the valid frames to keep. Frame t is kept if t < visible * n.

    Returns:
        Tensor: Shape (N, M, T, V, C).
    """
    return (
        joints
        * first_frames(joints.shape[2], visible * valid_frames.float())[:, None, :, None, None]
    )


def first_frames(num_frames: int, ends: Tensor) -> Tensor:
    """Mark the frames before an end, for each sequence.

    Args:
        num_frames (int): Number of frames, T.
        ends (Tensor): End of each sequence in frames, shape (N,).

    Returns:
        Tensor: Shape (N, T), True where t is less than the end.
    """
    return torch.arange(num_frames, device=ends.device) < ends[:, None]


class TemporalJigsaw:
    """Cut the valid frames into segments and change the order of the segments (MS2L).

    With n valid frames and S segments, a segment has l = floor(n / S) frames. Frames from index S *
    l on do not move.

    Args:
        segments (int): Number of segments, S, 2 to 6. There are S! orders. Defaults to 3.

    Raises:
        InputError: If ``segments`` is not in 2 to 6.
    """

    def __init__(self, segments: int = 3) -> None:
        if not 2 <= segments <= 6:
            raise InputError(
                f'a jigsaw has 2 to 6 segments, but got segments={segments}; correct it'
            )
        self.orders = torch.tensor(list(permutations(range(segments))))

    @property
    def num_orders(self) -> int:
        """Number of orders, S!."""
        return len(self.orders)

    def draw(self, generator: Generator, batch: int) -> Tensor:
        """Draw an order for each sequence.

        Args:
            generator (torch.Generator): On the CPU.
            batch (int): Number of sequences, N.

        Returns:
            Tensor: Indices of orders, shape (N,), on the CPU.
        """
        return torch.randint(self.num_orders, (batch,), generator=generator)

    def usable_frames(self, valid_frames: Tensor, num_frames: int) -> Tensor:
        """Replace numbers of valid frames below S by T, as in the released code.

        Args:
            valid_frames (Tensor): Numbers of valid frames, n, shape (N,).
            num_frames (int): Number of frames, T.

        Returns:
            Tensor: Shape (N,). The released code uses these numbers for the rest of the step.
        """
        return torch.where(valid_frames < self.orders.shape[1], num_frames, valid_frames)

    def apply(self, joints: Tensor, valid_frames: Tensor, labels: Tensor) -> Tensor:
        """Put the segments into the given orders.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).
            valid_frames (Tensor): Numbers of valid frames, n, shape (N,), from
                :meth:`usable_frames`.
            labels (Tensor): Indices of orders, shape (N,).

        Returns:
            Tensor: Shape (N, M, T, V, C). Segment j of the result is segment ``orders[label][j]``
            of the input.

        Raises:
            InputError: If the clips have fewer frames than segments.
        """
        segments = self.orders.shape[1]
        if joints.shape[2] < segments:
            raise InputError(
                f'a jigsaw of {segments} segments needs clips of {segments} frames or more, but '
                f'they have {joints.shape[2]}; lower model.segments or raise clip_len'
            )
        frames = torch.arange(joints.shape[2], device=joints.device)
        length = (valid_frames // segments).clamp(min=1)[:, None]
        place = (frames // length).clamp(max=segments - 1)  # (N, T)
        segment = self.orders.to(joints.device, non_blocking=True)[labels].gather(1, place)
        source = segment * length + frames % length
        index = torch.where(frames < segments * length, source, frames)
        return joints.take_along_dim(index[:, None, :, None, None], dim=2)
