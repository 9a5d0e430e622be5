"""A stand-in data set that anyone can make: simulated actions in the raw format of NTU RGB+D."""

from .actions import ACTIONS, Action
from .generator import LABEL, generate, record, simulate
from .plan import Plan

__all__ = ['ACTIONS', 'LABEL', 'Action', 'Plan', 'generate', 'record', 'simulate']
