import hashlib

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.registry import HOOKS


def digest(module: nn.Module) -> dict[str, str]:
    """Return a hash of each tensor of a module's state."""
    return {
        name: hashlib.sha256(tensor.detach().cpu().contiguous().numpy().tobytes()).hexdigest()
        for name, tensor in module.state_dict().items()
    }


@HOOKS.register_module()
class FrozenEncoderHook(Hook):
    """Check after every epoch that frozen encoders have not moved, BatchNorm statistics included.

    In other projects, encoders that were frozen in name only have silently broken linear
    evaluation. Encoders that are not frozen in the config may move.

    Raises:
        RuntimeError: If a tensor has moved. The message names the first one.
    """

    def before_train(self, runner: Runner) -> None:
        """Remember the encoders."""
        self._before = self._digest(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Compare the encoders with what they were."""
        now = self._digest(runner)
        moved = [name for name, value in self._before.items() if now[name] != value]
        if moved:
            raise RuntimeError(
                f'{len(moved)} tensors of the frozen encoders changed during training, first '
                f'{moved[0]}: nothing but the head may move in linear evaluation'
            )

    @staticmethod
    def _digest(runner: Runner) -> dict[str, str]:
        model = unwrapped_model(runner)
        return digest(model.encoders) if model.frozen else {}
