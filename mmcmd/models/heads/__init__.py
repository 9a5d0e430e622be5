from .cmd_head import CMDHead
from .distill_head import DistillHead
from .linear_head import LinearHead
from .moco_head import MoCoHead
from .sequence_discriminator import SequenceDiscriminator

__all__ = ['CMDHead', 'DistillHead', 'LinearHead', 'MoCoHead', 'SequenceDiscriminator']
