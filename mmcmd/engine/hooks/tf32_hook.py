import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.registry import HOOKS


@HOOKS.register_module()
class TF32Hook(Hook):
    """Choose how GPUs multiply float32: exactly, or with 10 bits of mantissa, several times faster.

    torch's own defaults are mixed: cuDNN (recurrent encoders and convolutions) may round to
    TensorFloat-32, but matrix products may not. float16 has 10 bits too, so a model that trains
    with ``--amp`` also trains with this rounding.

    Args:
        enabled (bool, optional): True rounds in both, False in neither. Defaults to None: torch's
            switches stay as they are.
    """

    def __init__(self, enabled: bool | None = None) -> None:
        self.enabled = enabled

    def before_run(self, runner: Runner) -> None:
        """Set torch's switches."""
        if self.enabled is not None:
            torch.backends.cuda.matmul.allow_tf32 = self.enabled
            torch.backends.cudnn.allow_tf32 = self.enabled
