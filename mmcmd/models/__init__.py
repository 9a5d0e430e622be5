from .backbones import AGCN, GRU, HCN, LSTM, BiGRU, RawCoordinates, SkeletonCLRSTGCN
from .data_preprocessor import SkeletonDataPreprocessor
from .decoders import GRUDecoder
from .encoder import SkeletonEncoder
from .heads import CMDHead, LinearHead, MoCoHead, SimilarityHead
from .necks import GraphPooling, ProjectionNeck
from .pretrainers import (
    CMD,
    ISC,
    PCM3,
    AimCLR,
    BasePretrainer,
    CrosSCLR,
    MomentumContrast,
    SkeletonCLR,
)
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
    'PCM3',
    'AimCLR',
    'BasePretrainer',
    'BiGRU',
    'CMDHead',
    'CrosSCLR',
    'FeatureExtractor',
    'GRUDecoder',
    'GraphPooling',
    'KeyQueue',
    'LinearHead',
    'MoCoHead',
    'MomentumContrast',
    'ProjectionNeck',
    'RawCoordinates',
    'SimilarityHead',
    'SkeletonCLR',
    'SkeletonCLRSTGCN',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
    'SkeletonEncoder',
    'StreamModel',
]
