from .aimclr import AimCLR
from .ascal import ASCAL
from .base import BasePretrainer
from .cmd import CMD
from .crossclr import CrosSCLR
from .isc import ISC
from .longt_gan import LongTGAN
from .mamp import MAMP
from .momentum_contrast import MomentumContrast
from .ms2l import MS2L
from .pcm3 import PCM3
from .predict_cluster import PredictCluster
from .skeletonclr import SkeletonCLR
from .slim import SLiM
from .stars import STARS
from .usdrl import USDRL

__all__ = [
    'ASCAL',
    'CMD',
    'ISC',
    'MAMP',
    'MS2L',
    'PCM3',
    'STARS',
    'USDRL',
    'AimCLR',
    'BasePretrainer',
    'CrosSCLR',
    'LongTGAN',
    'MomentumContrast',
    'PredictCluster',
    'SLiM',
    'SkeletonCLR',
]
