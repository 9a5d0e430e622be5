"""Checkpoints that the authors of a method released: their names and sizes."""

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
