"""Tensor names and model sizes in the checkpoints that the authors of a method released."""

from .names import METHODS, authors_tensors, rename_authors_state
from .pcm3 import drop_unused_prompts
from .sizes import model_sizes

__all__ = [
    'METHODS',
    'authors_tensors',
    'drop_unused_prompts',
    'model_sizes',
    'rename_authors_state',
]
