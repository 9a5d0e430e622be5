from .autoregressive import AutoregressiveDecoder
from .gru_decoder import GRUDecoder
from .inpainting import InpaintingDecoder

__all__ = ['AutoregressiveDecoder', 'GRUDecoder', 'InpaintingDecoder']
