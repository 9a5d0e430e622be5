from .aimclr import AimCLR
from .base import BasePretrainer
from .cmd import CMD
from .crossclr import CrosSCLR
from .isc import ISC
from .momentum_contrast import MomentumContrast
from .pcm3 import PCM3
from .skeletonclr import SkeletonCLR

__all__ = [
    'CMD',
    'ISC',
    'PCM3',
    'AimCLR',
    'BasePretrainer',
    'CrosSCLR',
    'MomentumContrast',
    'SkeletonCLR',
]
