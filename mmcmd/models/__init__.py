from .backbones import AGCN, GRU, HCN, LSTM, BiGRU, RawCoordinates, SkeletonCLRSTGCN
from .data_preprocessor import SkeletonDataPreprocessor
from .encoder import SkeletonEncoder
from .heads import CMDHead, LinearHead, MoCoHead
from .necks import GraphPooling, ProjectionNeck
from .pretrainers import CMD, ISC, AimCLR, BasePretrainer, CrosSCLR, MomentumContrast, SkeletonCLR
from .queue import KeyQueue
from .recognizers import FeatureExtractor, SkeletonClassifier
from .streams import StreamModel

__all__ = [
    'AGCN',
    'CMD',
    'GRU',
    'HCN',
    'ISC',
    'LSTM',
    'AimCLR',
    'BasePretrainer',
    'BiGRU',
    'CMDHead',
    'CrosSCLR',
    'FeatureExtractor',
    'GraphPooling',
    'KeyQueue',
    'LinearHead',
    'MoCoHead',
    'MomentumContrast',
    'ProjectionNeck',
    'RawCoordinates',
    'SkeletonCLR',
    'SkeletonCLRSTGCN',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
    'SkeletonEncoder',
    'StreamModel',
]
