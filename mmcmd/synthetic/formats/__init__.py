"""Raw formats in which the simulation can be written. Each is an entry of :data:`FORMATS`."""

from .bandai2 import Bandai2Format
from .base import Format
from .msraction3d import MSRAction3DFormat
from .ntu import NTUFormat
from .nwucla import NWUCLAFormat
from .pkummd import PKUMMDFormat
from .utdmhad import UTDMHADFormat
from .utkinect import UTKinectFormat

FORMATS: dict[str, Format] = {
    'bandai2': Bandai2Format(),
    'msraction3d': MSRAction3DFormat(),
    'ntu': NTUFormat(),
    'nwucla': NWUCLAFormat(),
    'pkummd': PKUMMDFormat(),
    'utdmhad': UTDMHADFormat(),
    'utkinect': UTKinectFormat(),
}
"""Maps the name of the converter that reads a format to the format."""

__all__ = ['FORMATS', 'Format']
