from .graph_pooling import GraphPooling
from .projection import ProjectionNeck

__all__ = ['GraphPooling', 'ProjectionNeck']
