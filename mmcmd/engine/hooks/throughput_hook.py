from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.registry import HOOKS


@HOOKS.register_module()
class ThroughputHook(Hook):
    """Log how many sequences all ranks train on in a second (``samples_per_s``)."""

    priority = 'NORMAL'  # after IterTimerHook, registered before it, and before LoggerHook

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Record the rate of this iteration."""
        seconds = runner.message_hub.get_scalar('train/time').current()
        samples = len(data_batch['inputs']) * get_world_size()
        runner.message_hub.update_scalar('train/samples_per_s', samples / seconds)
