from .hooks import (
    CollapseHook,
    FrozenEncoderHook,
    NonFiniteHook,
    PlainCheckpointHook,
    PreemptionHook,
    ResultsHook,
    SafeCheckpointHook,
    SubsetHook,
    ThroughputHook,
)
from .loops import KNNTestLoop, KNNValLoop, ResumableEpochLoop

__all__ = [
    'CollapseHook',
    'FrozenEncoderHook',
    'KNNTestLoop',
    'KNNValLoop',
    'NonFiniteHook',
    'PlainCheckpointHook',
    'PreemptionHook',
    'ResultsHook',
    'ResumableEpochLoop',
    'SafeCheckpointHook',
    'SubsetHook',
    'ThroughputHook',
]
