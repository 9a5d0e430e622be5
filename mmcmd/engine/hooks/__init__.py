from .frozen_encoder_hook import FrozenEncoderHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .results_hook import ResultsHook
from .subset_hook import SubsetHook
from .throughput_hook import ThroughputHook

__all__ = [
    'FrozenEncoderHook',
    'PlainCheckpointHook',
    'ResultsHook',
    'SubsetHook',
    'ThroughputHook',
]
