from .backbones import (
    AGCN,
    GRU,
    HCN,
    LSTM,
    BiGRU,
    RawCoordinates,
    SkeletonCLRSTGCN,
    SkeletonTransformer,
)
from .data_preprocessor import SkeletonDataPreprocessor
from .decoders import AutoregressiveDecoder, GRUDecoder, InpaintingDecoder, TokenDecoder
from .encoder import SkeletonEncoder
from .heads import CMDHead, LinearHead, MLPHead, MoCoHead, SequenceDiscriminator, SimilarityHead
from .necks import FrameReadout, GraphPooling, JointPooling, ProjectionNeck
from .pretrainers import (
    ASCAL,
    CMD,
    ISC,
    MAMP,
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
from .tokens import JointTarget, MotionAwareMask, MotionTarget, RandomTokenMask

__all__ = [
    'AGCN',
    'ASCAL',
    'CMD',
    'GRU',
    'HCN',
    'ISC',
    'LSTM',
    'MAMP',
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
    'JointPooling',
    'JointTarget',
    'KeyQueue',
    'LinearHead',
    'LongTGAN',
    'MLPHead',
    'MoCoHead',
    'MomentumContrast',
    'MotionAwareMask',
    'MotionTarget',
    'PredictCluster',
    'ProjectionNeck',
    'RandomTokenMask',
    'RawCoordinates',
    'SequenceDiscriminator',
    'SimilarityHead',
    'SkeletonCLR',
    'SkeletonCLRSTGCN',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
    'SkeletonEncoder',
    'SkeletonTransformer',
    'StreamModel',
    'TokenDecoder',
]
