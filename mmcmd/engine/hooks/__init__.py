from .collapse_hook import CollapseHook
from .compile_hook import CompileHook
from .cuda_graph_hook import CudaGraphHook
from .deferred_info_hook import DeferredInfoHook
from .fitting_hook import FittingHook
from .frozen_encoder_hook import FrozenEncoderHook
from .nonfinite_hook import NonFiniteHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .preemption_hook import PreemptionHook
from .progress_hook import ProgressHook
from .results_hook import ResultsHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .subset_hook import SubsetHook
from .terminal_hook import TerminalHook
from .tf32_hook import TF32Hook
from .throughput_hook import ThroughputHook

__all__ = [
    'CollapseHook',
    'CompileHook',
    'CudaGraphHook',
    'DeferredInfoHook',
    'FittingHook',
    'FrozenEncoderHook',
    'NonFiniteHook',
    'PlainCheckpointHook',
    'PreemptionHook',
    'ProgressHook',
    'ResultsHook',
    'SafeCheckpointHook',
    'SubsetHook',
    'TF32Hook',
    'TerminalHook',
    'ThroughputHook',
]
