from .cmd_head import CMDHead
from .linear_head import LinearHead
from .moco_head import MoCoHead

__all__ = ['CMDHead', 'LinearHead', 'MoCoHead']
