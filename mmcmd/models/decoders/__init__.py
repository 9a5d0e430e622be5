from .autoregressive import AutoregressiveDecoder
from .gru_decoder import GRUDecoder

__all__ = ['AutoregressiveDecoder', 'GRUDecoder']
