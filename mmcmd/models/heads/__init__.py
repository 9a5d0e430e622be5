from .cmd_head import CMDHead
from .linear_head import LinearHead
from .mlp_head import MLPHead
from .moco_head import MoCoHead
from .neighbour_head import NeighbourHead
from .prototype_head import PrototypeHead
from .sequence_discriminator import SequenceDiscriminator
from .similarity_head import SimilarityHead

__all__ = [
    'CMDHead',
    'LinearHead',
    'MLPHead',
    'MoCoHead',
    'NeighbourHead',
    'PrototypeHead',
    'SequenceDiscriminator',
    'SimilarityHead',
]
