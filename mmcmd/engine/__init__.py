from .hooks import FrozenEncoderHook, PlainCheckpointHook, ResultsHook, ThroughputHook
from .loops import KNNTestLoop, KNNValLoop

__all__ = [
    'FrozenEncoderHook',
    'KNNTestLoop',
    'KNNValLoop',
    'PlainCheckpointHook',
    'ResultsHook',
    'ThroughputHook',
]
