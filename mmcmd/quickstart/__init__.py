"""Motions to be found within seconds of the installation: see ``tools/quickstart.py``.

Everything here is SYNTHETIC. The motions are those of simulated stick figures, and the encoder was
trained on such motions. It is of no use on recordings of people.
"""

from mmcmd.quickstart.motions import PLAN, make_motions
from mmcmd.quickstart.neighbours import (
    Found,
    choose,
    find_neighbours,
    share_by_coordinates,
    share_found,
)
from mmcmd.quickstart.picture import RANKS, draw_neighbours
from mmcmd.quickstart.shipped import ENCODER, copy_encoder

__all__ = [
    'ENCODER',
    'PLAN',
    'RANKS',
    'Found',
    'choose',
    'copy_encoder',
    'draw_neighbours',
    'find_neighbours',
    'make_motions',
    'share_by_coordinates',
    'share_found',
]
