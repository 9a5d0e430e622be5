"""Tensor names in the checkpoints that AS-CAL released."""

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

    The released memory has a key in each row, but our queue has a key in each column, so the memory
    is transposed. The file does not say where the next key is written, so ``queue_ptr`` is 0.

    Args:
        checkpoint (Mapping): It has the entries ``model``, ``model_ema`` and ``contrast``.

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
