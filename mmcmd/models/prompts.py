from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.models.encoder import joints_of

FRAME_PROMPTS = ('base', 'mask', 'recons', 'mix')
"""Prompts that are added to every frame of the input of the encoder."""
FEATURE_PROMPTS = ('contrast', 'decode')
"""Prompts that are added to a part of a feature."""
PROMPTS = (*FRAME_PROMPTS, *FEATURE_PROMPTS)
IDLE = (*FRAME_PROMPTS, 'decode')
"""Prompts without an effect in training, because a BatchNorm subtracts them again."""


class Prompts(BaseModule):
    """The learnable prompts of PCM3. A prompt that is not in ``names`` adds nothing.

    Args:
        feature_size (int): Size of a feature of the encoder, D.
        frame_shape (Sequence[int]): Persons, joints and coordinates of a frame: (M, V, C).
        size (int, optional): Number of values that a feature prompt adds to each half of a feature.
            Defaults to an eighth of a half (128 of 1024), as in the released code.
        names (Sequence[str]): Names of the prompts. Defaults to all six.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        feature_size: int,
        frame_shape: Sequence[int],
        size: int | None = None,
        names: Sequence[str] = PROMPTS,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.half = feature_size // 2
        self.size = size or max(self.half // 8, 1)
        self.frame_shape = tuple(frame_shape)
        for name in names:
            if name in FRAME_PROMPTS:
                prompt = torch.empty(1, 1, prod(frame_shape))
            else:
                prompt = torch.empty(1, 2 * self.size)
            self.register_parameter(name, nn.Parameter(nn.init.xavier_uniform_(prompt)))

    def draw(self, generator: torch.Generator) -> int:
        """Draw the first channel, in each half of a feature, to which a prompt is added."""
        return int(torch.randint(max(self.half - self.size, 1), (), generator=generator))

    def on_frames(self, name: str, frames: Tensor) -> Tensor:
        """Add a frame prompt to every frame of an input (N, M, T, V, C)."""
        prompt = self._parameters.get(name)
        return frames if prompt is None else frames + joints_of(prompt, self.frame_shape)

    def on_feature(self, name: str, feature: Tensor, start: int) -> Tensor:
        """Add a feature prompt.

        Args:
            name (str): ``'contrast'`` or ``'decode'``.
            feature (Tensor): Shape (..., D).
            start (int): First channel in each half of the feature. There is one half per direction
                of the encoder.

        Returns:
            Tensor: Shape (..., D).
        """
        prompt = self._parameters.get(name)
        if prompt is None:
            return feature
        rest = self.half - self.size - start
        placed = F.pad(prompt.view(2, self.size), (start, rest)).flatten()
        return feature + F.pad(placed, (0, feature.shape[-1] - 2 * self.half))
