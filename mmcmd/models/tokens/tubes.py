"""Masks of tubes: some joints of one body part, in some steps of time (SLiM, Sec. 3.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from mmcmd.errors import InputError
from mmcmd.models.masking import body_parts
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout

FAILURES = 10
"""So many tubes in a row may fail before a mask is left as it is."""
TRIES = 256
"""Tubes that are drawn for each mask. Nearly all masks are complete after 50."""


@MODELS.register_module()
class TubeMask:
    """Cover clips with tubes, until a number of tokens is masked.

    A tube takes joints that follow each other in one body part, and steps that follow each other.
    The numbers of masked tokens are spread evenly over the batch: each masked clip draws its ratio
    from its own part of the range (strata).

    Args:
        layout (str | Mapping): Joint layout with ``parts``. Defaults to ``'ntu'``.
        ratio (Sequence[float]): Least and greatest share of the tokens that is masked. Defaults to
            (0.5, 0.9).
        share (float): Share of the global clips that is masked. Defaults to 0.5.
        most (int): The greatest area of one tube, in tokens. Defaults to 100.

    Raises:
        InputError: If a mask keeps nothing or everything, no clip is masked, or the layout has no
            parts.
    """

    def __init__(
        self,
        layout: str | Mapping[str, Any] = 'ntu',
        ratio: Sequence[float] = (0.5, 0.9),
        share: float = 0.5,
        most: int = 100,
    ) -> None:
        if not (0 < ratio[0] <= ratio[1] < 1 and 0 < share <= 1 and most >= 1):
            raise InputError(
                'a mask of tubes takes an ascending ratio between 0 and 1, a share of the clips '
                f'above 0, at most 1, and tubes of 1 token or more, but got ratio={tuple(ratio)}, '
                f'share={share} and most={most}; correct model.masking'
            )
        parts = body_parts(layout)
        self.ratio = tuple(ratio)
        self.share = share
        self.most = most
        self.num_joints = get_layout(layout).num_joints
        self.sizes = torch.tensor([len(part) for part in parts], device='cpu')
        # Row p, column j: the place of joint j in part p; a joint of another part has -1.
        self.places = torch.full((len(parts), self.num_joints), -1, device='cpu')
        for row, part in zip(self.places, parts, strict=True):
            row[list(part)] = torch.arange(len(part), device='cpu')

    def draw(
        self, generator: Generator, num_clips: int, num_steps: int, share: float = 1.0
    ) -> Tensor:
        """Draw the masks of a batch.

        Args:
            generator (torch.Generator): On the CPU.
            num_clips (int): B.
            num_steps (int): Steps of time, T'.
            share (float): Share of the clips that is masked, in random places of the batch. With
                1, the default, the ratios of the clips ascend, as released.

        Returns:
            Tensor: True where a token is masked, on the CPU, shape (B, T' V).
        """
        ratios = torch.rand(num_clips, generator=generator)
        counts = self.counts(ratios, num_steps * self.num_joints, share)
        if share < 1:
            counts = counts[torch.randperm(num_clips, generator=generator)]
        tries = torch.rand(TRIES, num_clips, 5, generator=generator)
        return self(counts, num_steps, tries).flatten(1)

    def counts(self, uniform: Tensor, num_tokens: int, share: float = 1.0) -> Tensor:
        """Draw how many tokens of each clip are masked, from equal strata of the ratios.

        Args:
            uniform (Tensor): Uniform random numbers in [0, 1), one for each clip of the batch,
                shape (B,).
            num_tokens (int): L.
            share (float): Share of the clips, from the first one, that is masked. Defaults to 1.

        Returns:
            Tensor: 0 for a clip that is not masked, shape (B,).

        Raises:
            InputError: If a masked clip would have no masked token.
        """
        masked = int(len(uniform) * share)
        low, high = self.ratio
        strata = torch.arange(masked) + uniform[:masked]
        counts = torch.zeros(len(uniform), dtype=torch.long)
        counts[:masked] = (num_tokens * (low + (high - low) * strata / max(masked, 1))).long()
        if masked and counts[0] < 1:
            raise InputError(
                f'a mask of ratio {self.ratio} masks nothing of {num_tokens} tokens; correct '
                'model.masking.ratio'
            )
        return counts

    def __call__(self, counts: Tensor, num_steps: int, uniform: Tensor) -> Tensor:
        """Mask the tokens of clips. All clips of the batch are covered side by side.

        Args:
            counts (Tensor): How many tokens are masked, shape (B,). A mask has fewer if no tube
                fits ten times in a row, and at least one if the number is not 0.
            num_steps (int): Steps of time, T'.
            uniform (Tensor): Uniform random numbers in [0, 1) of each try, shape (tries, B, 5): for
                the part, the number of its joints, the first of them, the area, the first step.

        Returns:
            Tensor: True where a token is masked, shape (B, T', V).
        """
        mask = torch.zeros(len(counts), num_steps, self.num_joints, dtype=torch.bool)
        failures = torch.zeros_like(counts)
        steps = torch.arange(num_steps)
        covered = torch.zeros_like(counts)
        for draw in uniform:
            open_clips = ((covered < counts) & (failures < FAILURES)).nonzero()[:, 0]
            if not len(open_clips):
                break
            left = (counts - covered)[open_clips].clamp(max=self.most)
            tube = self._tube(draw[open_clips], left, steps)
            added = (tube & ~mask[open_clips]).sum(dim=(1, 2))
            fits = (added > 0) & (added <= left)
            mask[open_clips] |= tube & fits[:, None, None]
            covered[open_clips] += added * fits
            failures[open_clips] = torch.where(fits, 0, failures[open_clips] + 1)
        return mask

    def _tube(self, draw: Tensor, most: Tensor, steps: Tensor) -> Tensor:
        """Return a tube of each clip, (B, T', V), from numbers (B, 5) and greatest areas (B,)."""
        part = _integer(draw[:, 0], len(self.sizes))
        width = 1 + _integer(draw[:, 1], self.sizes[part])
        first = _integer(draw[:, 2], self.sizes[part] - width + 1)
        # The least area is 8 of 8 steps, and smaller for shorter clips. `most` may be below it.
        area = len(steps) + (most - len(steps)) * draw[:, 3]
        height = (area / width).round().long().clamp(1, len(steps))
        start = _integer(draw[:, 4], len(steps) - height + 1)
        place = self.places[part] - first[:, None]
        joints = (place >= 0) & (place < width[:, None]) & (self.places[part] >= 0)
        time = steps - start[:, None]
        return ((time >= 0) & (time < height[:, None]))[:, :, None] & joints[:, None]


def _integer(uniform: Tensor, number: Tensor | int) -> Tensor:
    """Turn uniform numbers in [0, 1) into integers below a number."""
    return (uniform * number).long()
