from .collate import stack_inputs
from .layouts import LAYOUTS, Layout, get_layout
from .samplers import EpochSampler
from .skeleton_dataset import SkeletonDataset
from .transforms import *  # noqa: F403

__all__ = ['LAYOUTS', 'EpochSampler', 'Layout', 'SkeletonDataset', 'get_layout', 'stack_inputs']
