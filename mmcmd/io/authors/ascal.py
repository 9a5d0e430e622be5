"""Names in checkpoints that AS-CAL's pre-training released."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

NAMES = (
    (r'model\.bi_lstm\.(.+)', r'encoders.{}.backbone.rnn.\1'),
    (r'model_ema\.bi_lstm\.(.+)', r'key_encoders.{}.backbone.rnn.\1'),
    (r'queue', r'queues.{}.queue'),
    (r'queue_ptr', r'queues.{}.queue_ptr'),
)
"""Pairs of a name that :func:`tensors` returns and our name. ``{}`` stands for the stream."""


def tensors(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a released checkpoint in one dict.

    The rows of the released memory are keys; the columns of our queue are. The file does not say
    where the next key goes, so this starts at 0.

    Args:
        checkpoint (Mapping): ``model``, ``model_ema`` and ``contrast``.

    Raises:
        KeyError: If an entry is missing.
    """
    parts = {
        f'{part}.{name}': x
        for part in ('model', 'model_ema')
        for name, x in checkpoint[part].items()
    }
    memory = checkpoint['contrast']['memory']
    return parts | {'queue': memory.T.contiguous(), 'queue_ptr': torch.zeros(1, dtype=torch.long)}
