from typing import Any

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner

from mmcmd.registry import HOOKS


@HOOKS.register_module()
class DeferredInfoHook(RuntimeInfoHook):
    """mmengine's ``RuntimeInfoHook``, without making each iteration wait for its own losses.

    mmengine reads every loss of every iteration from the device. Here the losses stay on the device
    until they are needed: when a :class:`LoggerHook` logs, at the end of an epoch, and when a
    checkpoint is saved. Then all of them are read together. The message hub gets the same values.
    """

    def __init__(self) -> None:
        self._intervals: list[int] = []
        self._names: list[tuple[str, ...]] = []  # one entry per iteration that was kept
        self._values: list[torch.Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Find out when losses are logged."""
        super().before_train(runner)
        self._intervals = [x.interval for x in runner.hooks if isinstance(x, LoggerHook)]

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Keep the losses of the iteration."""
        outputs = outputs or {}
        self._names.append(tuple(outputs))
        self._values += [x.detach().float().mean() for x in outputs.values()]
        logged = any(self.every_n_inner_iters(batch_idx, n) for n in self._intervals)
        if logged or self.end_of_epoch(runner.train_dataloader, batch_idx):
            self._read(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Put the losses of all iterations into the checkpoint."""
        if self._names:
            self._read(runner)
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def _read(self, runner: Runner) -> None:
        """Write the losses that were kept to the message hub."""
        values = iter(torch.stack(self._values).tolist() if self._values else ())
        for names in self._names:
            for name in names:
                runner.message_hub.update_scalar(f'train/{name}', next(values))
        self._names, self._values = [], []
