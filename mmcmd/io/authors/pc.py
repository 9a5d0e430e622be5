"""Tensor names in checkpoints of the PyTorch program of P&C."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

NAMES = (
    (r'encoder\.gru\.(.+)', r'encoders.{}.backbone.rnn.\1'),
    (r'decoder\.gru\.(.+)', r'decoders.{}.gru.\1'),
    (r'decoder\.out\.(.+)', r'decoders.{}.out.\1'),
)
"""Pairs of a released name and our name. ``{}`` stands for the stream."""


def tensors(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a released checkpoint, which are in its ``model_state_dict``.

    Raises:
        KeyError: If this entry is missing.
    """
    return checkpoint['model_state_dict']
