"""Raw data sets to annotation pickles; a format is a class in a file of its own."""

from mmcmd.datasets.converters.bandai2 import Bandai2Converter
from mmcmd.datasets.converters.base import Converter, Item, LeftOut
from mmcmd.datasets.converters.conversion import Summary, convert
from mmcmd.datasets.converters.ntu import NTUConverter

__all__ = [
    'Bandai2Converter',
    'Converter',
    'Item',
    'LeftOut',
    'NTUConverter',
    'Summary',
    'convert',
]
