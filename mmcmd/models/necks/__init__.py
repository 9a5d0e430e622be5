from .frame_readout import FrameReadout
from .graph_pooling import GraphPooling
from .projection import ProjectionNeck

__all__ = ['FrameReadout', 'GraphPooling', 'ProjectionNeck']
