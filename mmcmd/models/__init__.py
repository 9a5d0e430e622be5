from .backbones import AGCN, GRU, HCN, LSTM, BiGRU, RawCoordinates, SkeletonCLRSTGCN
from .data_preprocessor import SkeletonDataPreprocessor
from .decoders import AutoregressiveDecoder, GRUDecoder, InpaintingDecoder
from .encoder import SkeletonEncoder
from .heads import CMDHead, LinearHead, MoCoHead, SequenceDiscriminator, SimilarityHead
from .necks import FrameReadout, GraphPooling, ProjectionNeck
from .pretrainers import (
    ASCAL,
    CMD,
    ISC,
    MS2L,
    PCM3,
    AimCLR,
    BasePretrainer,
    CrosSCLR,
    LongTGAN,
    MomentumContrast,
    PredictCluster,
    SkeletonCLR,
)
from .queue import KeyQueue
from .recognizers import FeatureExtractor, SkeletonClassifier
from .streams import StreamModel

__all__ = [
    'AGCN',
    'ASCAL',
    'CMD',
    'GRU',
    'HCN',
    'ISC',
    'LSTM',
    'MS2L',
    'PCM3',
    'AimCLR',
    'AutoregressiveDecoder',
    'BasePretrainer',
    'BiGRU',
    'CMDHead',
    'CrosSCLR',
    'FeatureExtractor',
    'FrameReadout',
    'GRUDecoder',
    'GraphPooling',
    'InpaintingDecoder',
    'KeyQueue',
    'LinearHead',
    'LongTGAN',
    'MoCoHead',
    'MomentumContrast',
    'PredictCluster',
    'ProjectionNeck',
    'RawCoordinates',
    'SequenceDiscriminator',
    'SimilarityHead',
    'SkeletonCLR',
    'SkeletonCLRSTGCN',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
    'SkeletonEncoder',
    'StreamModel',
]
