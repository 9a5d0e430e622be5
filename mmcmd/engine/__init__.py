from .hooks import (
    FrozenEncoderHook,
    PlainCheckpointHook,
    ResultsHook,
    SubsetHook,
    ThroughputHook,
)
from .loops import KNNTestLoop, KNNValLoop

__all__ = [
    'FrozenEncoderHook',
    'KNNTestLoop',
    'KNNValLoop',
    'PlainCheckpointHook',
    'ResultsHook',
    'SubsetHook',
    'ThroughputHook',
]
