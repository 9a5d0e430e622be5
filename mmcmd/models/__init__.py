from .backbones import GRU, LSTM, BiGRU, RawCoordinates, SkeletonCLRSTGCN
from .data_preprocessor import SkeletonDataPreprocessor
from .decoders import AutoregressiveDecoder, GRUDecoder
from .encoder import SkeletonEncoder
from .heads import CMDHead, DistillHead, LinearHead, MoCoHead
from .necks import GraphPooling, ProjectionNeck
from .pretrainers import (
    ASCAL,
    CMD,
    MS2L,
    PCM3,
    AimCLR,
    BasePretrainer,
    CrosSCLR,
    MomentumContrast,
    PredictCluster,
    SkeletonCLR,
)
from .queue import KeyQueue
from .recognizers import FeatureExtractor, SkeletonClassifier
from .streams import StreamModel

__all__ = [
    'ASCAL',
    'CMD',
    'GRU',
    'LSTM',
    'MS2L',
    'PCM3',
    'AimCLR',
    'AutoregressiveDecoder',
    'BasePretrainer',
    'BiGRU',
    'CMDHead',
    'CrosSCLR',
    'DistillHead',
    'FeatureExtractor',
    'GRUDecoder',
    'GraphPooling',
    'KeyQueue',
    'LinearHead',
    'MoCoHead',
    'MomentumContrast',
    'PredictCluster',
    'ProjectionNeck',
    'RawCoordinates',
    'SkeletonCLR',
    'SkeletonCLRSTGCN',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
    'SkeletonEncoder',
    'StreamModel',
]
