"""The raw formats that the simulation can be written in; one is an entry of :data:`FORMATS`."""

from .bandai2 import Bandai2Format
from .base import Format
from .ntu import NTUFormat
from .nwucla import NWUCLAFormat
from .pkummd import PKUMMDFormat
from .utdmhad import UTDMHADFormat

FORMATS: dict[str, Format] = {
    'bandai2': Bandai2Format(),
    'ntu': NTUFormat(),
    'nwucla': NWUCLAFormat(),
    'pkummd': PKUMMDFormat(),
    'utdmhad': UTDMHADFormat(),
}
"""By the name of the converter that reads it."""

__all__ = ['FORMATS', 'Format']
