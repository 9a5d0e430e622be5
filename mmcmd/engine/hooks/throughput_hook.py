from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.errors import InputError
from mmcmd.registry import HOOKS


@HOOKS.register_module()
class ThroughputHook(Hook):
    """Log how many sequences all ranks train on in a second (``samples_per_s``)."""

    priority = 'NORMAL'  # after IterTimerHook, which is registered earlier, and before LoggerHook

    def before_train(self, runner: Runner) -> None:
        """Refuse a loader without a batch. It would train nothing, and no message would say so.

        Raises:
            InputError: If the data set is smaller than the batch and incomplete ones are dropped.
        """
        loader = runner.train_dataloader
        if len(loader) == 0:
            raise InputError(
                f'{len(loader.dataset)} training sequences do not fill one batch; lower '
                f'train_dataloader.batch_size'
            )

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Record the rate of this iteration."""
        seconds = runner.message_hub.get_scalar('train/time').current()
        samples = len(data_batch['data_samples']) * get_world_size()
        runner.message_hub.update_scalar('train/samples_per_s', samples / seconds)
