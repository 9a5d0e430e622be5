import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.registry import HOOKS


@HOOKS.register_module()
class TF32Hook(Hook):
    """Choose how GPUs multiply float32: exactly, or with 10 bits of mantissa, several times faster.

    torch's own defaults are mixed: cuDNN, and with it recurrent encoders, may round to
    TensorFloat-32, matrix products may not. Here both do the same. (float16 has 10 bits too, so
    that what trains with ``--amp`` does with this.)

    Args:
        enabled (bool): Round. Defaults to False.
    """

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled

    def before_run(self, runner: Runner) -> None:
        """Set torch's switches."""
        torch.backends.cuda.matmul.allow_tf32 = self.enabled
        torch.backends.cudnn.allow_tf32 = self.enabled
