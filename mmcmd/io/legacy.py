"""Rename the tensors in checkpoints of earlier versions."""

import re
from collections.abc import Mapping
from typing import Any

RENAMED = (
    # Until version 0.1, a projection was part of its query encoder, and a queue part of its head.
    (r'query_encoders\.([^.]+)\.neck\.', r'necks.\1.'),
    (r'query_encoders\.', 'encoders.'),
    (r'key_encoders\.([^.]+)\.neck\.', r'key_necks.\1.'),
    (r'heads\.([^.]+)\.queue', r'queues.\1.queue'),
)
"""Pairs of a pattern at the beginning of an old name, and the text that replaces it."""


def rename(name: str) -> str:
    """Return the current name of a tensor."""
    for pattern, present in RENAMED:
        renamed, count = re.subn(f'^{pattern}', present, name)
        if count:
            return renamed
    return name


def upgrade(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Rename the tensors of a checkpoint to their current names, and keep their order.

    Args:
        checkpoint (dict): Checkpoint of a run, or only the ``state_dict`` of one.

    Returns:
        dict: The renamed checkpoint, or the same object if nothing had to be renamed.
    """
    state = checkpoint.get('state_dict', checkpoint)
    if 'encoder' in (checkpoint.get('meta') or ()):  # written by version 0.2 or later
        return checkpoint
    if not isinstance(state, Mapping) or all(rename(str(name)) == name for name in state):
        return checkpoint
    renamed = {rename(str(name)): tensor for name, tensor in state.items()}
    return {**checkpoint, 'state_dict': renamed} if state is not checkpoint else renamed
