"""Converters from raw data sets to annotation pickles. Each format is one class in one file."""

from mmcmd.datasets.converters.agcn import AGCNConverter
from mmcmd.datasets.converters.bandai2 import Bandai2Converter
from mmcmd.datasets.converters.base import Converter, Item, LeftOut
from mmcmd.datasets.converters.bvh import BVHConverter
from mmcmd.datasets.converters.conversion import Summary, convert
from mmcmd.datasets.converters.ctrgcn import CTRGCNConverter
from mmcmd.datasets.converters.merge import MergeConverter
from mmcmd.datasets.converters.msraction3d import MSRAction3DConverter
from mmcmd.datasets.converters.ntu import NTUConverter
from mmcmd.datasets.converters.nwucla import NWUCLAConverter
from mmcmd.datasets.converters.own_csv import CsvConverter
from mmcmd.datasets.converters.own_npy import NpyConverter
from mmcmd.datasets.converters.own_npz import NpzConverter
from mmcmd.datasets.converters.pkummd import PKUMMDConverter
from mmcmd.datasets.converters.pyskl import PysklConverter
from mmcmd.datasets.converters.utdmhad import UTDMHADConverter
from mmcmd.datasets.converters.utkinect import UTKinectConverter

__all__ = [
    'AGCNConverter',
    'BVHConverter',
    'Bandai2Converter',
    'CTRGCNConverter',
    'Converter',
    'CsvConverter',
    'Item',
    'LeftOut',
    'MSRAction3DConverter',
    'MergeConverter',
    'NTUConverter',
    'NWUCLAConverter',
    'NpyConverter',
    'NpzConverter',
    'PKUMMDConverter',
    'PysklConverter',
    'Summary',
    'UTDMHADConverter',
    'UTKinectConverter',
    'convert',
]
