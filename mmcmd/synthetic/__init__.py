"""A synthetic data set: simulated actions in the raw formats of real data sets."""

from .actions import ACTIONS, Action
from .formats import FORMATS
from .generator import LABEL, generate
from .plan import Plan
from .recording import record, simulate

__all__ = ['ACTIONS', 'FORMATS', 'LABEL', 'Action', 'Plan', 'generate', 'record', 'simulate']
