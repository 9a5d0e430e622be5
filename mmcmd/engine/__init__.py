from .autocast import Bfloat16OptimWrapper
from .clipping import GroupClipConstructor
from .feature_cache import CachedFeatureLoop
from .hooks import (
    CollapseHook,
    CompileHook,
    CudaGraphHook,
    DeferredInfoHook,
    FittingHook,
    FrozenEncoderHook,
    NonFiniteHook,
    PlainCheckpointHook,
    PreemptionHook,
    ProgressHook,
    ResultsHook,
    SafeCheckpointHook,
    SubsetHook,
    TerminalHook,
    TF32Hook,
    ThroughputHook,
)
from .layer_decay import LayerDecayConstructor
from .loops import KNNTestLoop, KNNValLoop, ResumableEpochLoop
from .several_optimizers import SeveralOptimizersConstructor
from .tool_runner import ToolRunner
from .warmup_cosine import WarmupCosineLR

__all__ = [
    'Bfloat16OptimWrapper',
    'CachedFeatureLoop',
    'CollapseHook',
    'CompileHook',
    'CudaGraphHook',
    'DeferredInfoHook',
    'FittingHook',
    'FrozenEncoderHook',
    'GroupClipConstructor',
    'KNNTestLoop',
    'KNNValLoop',
    'LayerDecayConstructor',
    'NonFiniteHook',
    'PlainCheckpointHook',
    'PreemptionHook',
    'ProgressHook',
    'ResultsHook',
    'ResumableEpochLoop',
    'SafeCheckpointHook',
    'SeveralOptimizersConstructor',
    'SubsetHook',
    'TF32Hook',
    'TerminalHook',
    'ThroughputHook',
    'ToolRunner',
    'WarmupCosineLR',
]
