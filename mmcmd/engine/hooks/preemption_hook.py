import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import torch
from mmengine.dist import all_reduce, barrier, get_comm_device, get_default_group, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmcmd.engine.hooks.safe_checkpoint_hook import PREEMPTED, SafeCheckpointHook
from mmcmd.engine.host_copy import HostCopy
from mmcmd.engine.loops import ResumableEpochLoop
from mmcmd.registry import HOOKS
from mmcmd.signals import EXIT_STATUS, STOP, end_start_up, kept_from_children


@HOOKS.register_module()
class PreemptionHook(Hook):
    """Save a checkpoint and leave with status 85 when the scheduler sends a signal.

    The current iteration is finished first: of training, of validation, or of the encoding of a
    gallery or of features. With several ranks, the next iteration is finished too, because no rank
    waits for the answers of the others. All ranks stop after the same iteration, whichever rank got
    the signal. ``--resume`` goes on from there as if nothing had happened.

    The signals may come to all processes of a job: the workers of the data loaders ignore them and
    are shut down in the end.

    It needs :class:`ResumableEpochLoop` and :class:`SafeCheckpointHook`. Without them it does
    nothing.

    Args:
        signals (Sequence[str], optional): Names of signals. Defaults to
            :data:`mmcmd.signals.STOP`, SIGTERM and SIGUSR1.
    """

    priority = 'LOWEST'  # after the regular checkpoint of the iteration

    def __init__(self, signals: Sequence[str] | None = None) -> None:
        self.signals = STOP if signals is None else {getattr(signal, name) for name in signals}
        self._received: int | None = None
        self._leaving = False
        self._answer: HostCopy | None = None
        self._hook: SafeCheckpointHook | None = None

    def before_train(self, runner: Runner) -> None:
        """Handle the signals until the training ends, also if it ends with an error."""
        hooks = [hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)]
        if not (hooks and isinstance(runner.train_loop, ResumableEpochLoop)):
            return
        self._hook = hooks[0]
        runner.train_loop.on_exit.callback(setattr, self, '_hook', None)
        if threading.current_thread() is threading.main_thread():  # Python allows it only there
            for number in self.signals:
                handler = signal.signal(number, self._receive)
                runner.train_loop.on_exit.callback(self._stop_listening, number, handler)
            end_start_up()
            runner.train_loop.on_exit.enter_context(kept_from_children(self.signals))
        barrier()  # no rank trains while another one would still leave without a checkpoint

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Leave if a signal has come."""
        if self._asked():
            self._leave(runner, {'epoch': runner.epoch, 'iter': runner.iter + 1})

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Leave if a signal has come; the validation starts again after a resume."""
        if self._asked():
            runner.train_loop.validated = False
            self._leave(runner, {'epoch': runner.epoch, 'iter': runner.iter})

    def after_gallery_iter(self, runner: Runner) -> None:
        """Leave if a signal has come, as in the validation that the gallery is encoded for."""
        self.after_val_iter(runner, 0)

    def after_feature_iter(self, runner: Runner) -> None:
        """Leave if a signal has come while features are encoded before the training."""
        if self._asked():
            self._leave(runner, {'epoch': runner.epoch, 'iter': runner.iter})

    def after_run(self, runner: Runner) -> None:
        """Shut the workers down, after a training or a test."""
        _shut_workers_down(runner)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = number

    def _stop_listening(self, number: int, handler: Any) -> None:
        # A process that leaves ignores more signals, which would change the status 85. Launchers
        # send them as soon as the first rank is gone. Python takes its own handlers away at exit.
        signal.signal(number, signal.SIG_IGN if self._leaving else handler)

    def _asked(self) -> bool:
        """Return whether any rank had a signal one iteration ago. A single rank need not wait."""
        if self._hook is None:
            return False
        if get_world_size() == 1:
            return self._received is not None
        asked = torch.full(
            (1,), float(self._received is not None), device=get_comm_device(get_default_group())
        )
        all_reduce(asked, 'max')
        before, self._answer = self._answer, HostCopy(asked)
        return before is not None and any(before.read())

    def _leave(self, runner: Runner, meta: dict) -> NoReturn:
        self._hook.save(runner, PREEMPTED, meta)
        barrier()  # when the first rank leaves, the launcher may end the others
        self._leaving = True
        name = signal.Signals(self._received).name if self._received else 'a signal to another rank'
        runner.logger.warning(
            f'stopped by {name} after {meta["iter"]} iterations, saved as {self._hook.last_ckpt}; '
            f'go on with --resume (exit status {EXIT_STATUS})'
        )
        runner.visualizer.close()
        _shut_workers_down(runner)
        raise SystemExit(EXIT_STATUS)


def _shut_workers_down(runner: Runner) -> None:
    """End persistent workers; other workers end with the loop over the batches.

    If they are left to Python's garbage collector, it may close their queues first. Torch then
    waits 5 s for each worker.
    """
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        for name in ('dataloader', 'gallery_dataloader'):
            if isinstance(loader := getattr(loop, name, None), DataLoader):
                loader._iterator = None
