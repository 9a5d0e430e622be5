from .aimclr import AimCLR
from .base import BasePretrainer
from .cmd import CMD
from .crossclr import CrosSCLR
from .momentum_contrast import MomentumContrast
from .skeletonclr import SkeletonCLR

__all__ = ['CMD', 'AimCLR', 'BasePretrainer', 'CrosSCLR', 'MomentumContrast', 'SkeletonCLR']
