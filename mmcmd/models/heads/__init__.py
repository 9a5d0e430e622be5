from .cmd_head import CMDHead
from .linear_head import LinearHead
from .moco_head import MoCoHead
from .sequence_discriminator import SequenceDiscriminator
from .similarity_head import SimilarityHead

__all__ = ['CMDHead', 'LinearHead', 'MoCoHead', 'SequenceDiscriminator', 'SimilarityHead']
