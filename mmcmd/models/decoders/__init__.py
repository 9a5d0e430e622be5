from .gru_decoder import GRUDecoder

__all__ = ['GRUDecoder']
