"""Search in an index of encoded motions."""

from mmcmd.retrieval.index import MotionIndex
from mmcmd.retrieval.search import Neighbour
from mmcmd.retrieval.vectors import combine, unit

__all__ = ['MotionIndex', 'Neighbour', 'combine', 'unit']
