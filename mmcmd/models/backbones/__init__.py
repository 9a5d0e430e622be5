from .agcn import AGCN
from .hcn import HCN
from .raw import RawCoordinates
from .recurrent import GRU, LSTM, BiGRU, RecurrentEncoder
from .stgcn import SkeletonCLRSTGCN

__all__ = [
    'AGCN',
    'GRU',
    'HCN',
    'LSTM',
    'BiGRU',
    'RawCoordinates',
    'RecurrentEncoder',
    'SkeletonCLRSTGCN',
]
