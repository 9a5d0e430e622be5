from .backbones import GRU, LSTM, BiGRU, SkeletonCLRSTGCN
from .data_preprocessor import SkeletonDataPreprocessor
from .encoder import SkeletonEncoder
from .heads import CMDHead, LinearHead, MoCoHead
from .necks import GraphPooling, ProjectionNeck
from .pretrainers import CMD, ContrastiveEncoder, MomentumContrast
from .recognizers import SkeletonClassifier

__all__ = [
    'CMD',
    'GRU',
    'LSTM',
    'BiGRU',
    'CMDHead',
    'ContrastiveEncoder',
    'GraphPooling',
    'LinearHead',
    'MoCoHead',
    'MomentumContrast',
    'ProjectionNeck',
    'SkeletonCLRSTGCN',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
    'SkeletonEncoder',
]
