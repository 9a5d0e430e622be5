from .expander import ExpanderNeck
from .frame_readout import FrameReadout
from .graph_pooling import GraphPooling
from .joint_pooling import JointPooling
from .person_pooling import PersonPooling
from .projection import ProjectionNeck

__all__ = [
    'ExpanderNeck',
    'FrameReadout',
    'GraphPooling',
    'JointPooling',
    'PersonPooling',
    'ProjectionNeck',
]
