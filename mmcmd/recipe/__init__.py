"""The recipe for small data: training for a given time, then an evaluation with a table."""

from .evaluation import Evaluation, evaluate, worth_it
from .schedule import Pace, choose_steps, measure_pace, plan_minutes

__all__ = [
    'Evaluation',
    'Pace',
    'choose_steps',
    'evaluate',
    'measure_pace',
    'plan_minutes',
    'worth_it',
]
