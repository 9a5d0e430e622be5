from .autoregressive import AutoregressiveDecoder
from .gru_decoder import GRUDecoder
from .inpainting import InpaintingDecoder
from .token_decoder import TokenDecoder

__all__ = ['AutoregressiveDecoder', 'GRUDecoder', 'InpaintingDecoder', 'TokenDecoder']
