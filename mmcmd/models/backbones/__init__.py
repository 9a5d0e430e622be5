from .hcn import HCN
from .raw import RawCoordinates
from .recurrent import GRU, LSTM, BiGRU, RecurrentEncoder
from .rotary_transformer import RotaryTransformer
from .skeleton_transformer import SkeletonTransformer
from .spatio_temporal import SpatioTemporalTransformer
from .stgcn import SkeletonCLRSTGCN
from .two_stream_agcn import AGCN

__all__ = [
    'AGCN',
    'GRU',
    'HCN',
    'LSTM',
    'BiGRU',
    'RawCoordinates',
    'RecurrentEncoder',
    'RotaryTransformer',
    'SkeletonCLRSTGCN',
    'SkeletonTransformer',
    'SpatioTemporalTransformer',
]
