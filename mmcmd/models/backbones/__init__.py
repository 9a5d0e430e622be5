from .raw import RawCoordinates
from .recurrent import GRU, LSTM, BiGRU, RecurrentEncoder
from .stgcn import SkeletonCLRSTGCN

__all__ = ['GRU', 'LSTM', 'BiGRU', 'RawCoordinates', 'RecurrentEncoder', 'SkeletonCLRSTGCN']
