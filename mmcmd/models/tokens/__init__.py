"""Components of methods that cut a sequence into tokens: patches, masks and targets."""

from .masks import MotionAwareMask, RandomTokenMask, TokenMask
from .patches import patch_steps, patchify, take_tokens
from .targets import JointTarget, MotionTarget, masked_token_error
from .tubes import TubeMask

__all__ = [
    'JointTarget',
    'MotionAwareMask',
    'MotionTarget',
    'RandomTokenMask',
    'TokenMask',
    'TubeMask',
    'masked_token_error',
    'patch_steps',
    'patchify',
    'take_tokens',
]
