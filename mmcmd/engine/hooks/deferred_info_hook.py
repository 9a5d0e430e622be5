from typing import Any

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner

from mmcmd.registry import HOOKS


@HOOKS.register_module()
class DeferredInfoHook(RuntimeInfoHook):
    """mmengine's ``RuntimeInfoHook``, without making each iteration wait for its own losses.

    mmengine reads every loss of every iteration from the device. Here they stay there until
    someone looks: when a :class:`LoggerHook` logs, at the end of an epoch, and when a checkpoint
    is saved. They are then read at once; the message hub ends up with the same values.
    """

    def __init__(self) -> None:
        self._intervals: list[int] = []
        self._names: list[tuple[str, ...]] = []  # of each iteration that was kept
        self._values: list[torch.Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Learn when losses are logged."""
        super().before_train(runner)
        self._intervals = [x.interval for x in runner.hooks if isinstance(x, LoggerHook)]

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Keep what the iteration gave."""
        outputs = outputs or {}
        self._names.append(tuple(outputs))
        self._values += [x.detach().float().mean() for x in outputs.values()]
        logged = any(self.every_n_inner_iters(batch_idx, n) for n in self._intervals)
        if logged or self.end_of_epoch(runner.train_dataloader, batch_idx):
            self._read(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Let the checkpoint hold all iterations."""
        if self._names:
            self._read(runner)
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def _read(self, runner: Runner) -> None:
        """Write what was kept to the message hub."""
        values = iter(torch.stack(self._values).tolist() if self._values else ())
        for names in self._names:
            for name in names:
                runner.message_hub.update_scalar(f'train/{name}', next(values))
        self._names, self._values = [], []
