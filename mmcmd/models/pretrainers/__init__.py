from .cmd import CMD
from .momentum_contrast import ContrastiveEncoder, MomentumContrast

__all__ = ['CMD', 'ContrastiveEncoder', 'MomentumContrast']
