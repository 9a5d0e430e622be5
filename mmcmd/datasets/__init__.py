"""Data sets, samplers, transforms and converters for skeleton sequences."""

from .collate import stack_inputs
from .samplers import EpochSampler
from .skeleton_dataset import SkeletonDataset
from .transforms import *  # noqa: F403

__all__ = ['EpochSampler', 'SkeletonDataset', 'stack_inputs']
