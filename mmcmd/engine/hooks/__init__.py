from .collapse_hook import CollapseHook
from .frozen_encoder_hook import FrozenEncoderHook
from .nonfinite_hook import NonFiniteHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .preemption_hook import PreemptionHook
from .results_hook import ResultsHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .subset_hook import SubsetHook
from .throughput_hook import ThroughputHook

__all__ = [
    'CollapseHook',
    'FrozenEncoderHook',
    'NonFiniteHook',
    'PlainCheckpointHook',
    'PreemptionHook',
    'ResultsHook',
    'SafeCheckpointHook',
    'SubsetHook',
    'ThroughputHook',
]
