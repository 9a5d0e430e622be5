"""Checkpoints that the authors of a method released: their names and sizes."""

from .names import METHODS, rename_authors_state
from .sizes import model_sizes

__all__ = ['METHODS', 'model_sizes', 'rename_authors_state']
