from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def unwrapped_model(runner: Runner) -> nn.Module:
    """Return a runner's model itself, out of what wraps it when there are several ranks."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
