from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmcmd.engine.host_copy import HostCopy
from mmcmd.errors import InputError
from mmcmd.io.files import replace_file
from mmcmd.registry import HOOKS

_NAMED = 5  # samples that a message names; the saved batch has all


class _Iteration(NamedTuple):
    """An iteration whose loss has not been checked yet."""

    epoch: int
    iter: int
    batch: dict
    losses: dict[str, Tensor]
    bad: HostCopy  # is the loss not finite here, and on any rank?


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Stop all ranks when the loss is NaN or infinite, before bad weights are saved.

    The error names the iteration, the terms of the loss and the samples. The batch is saved in the
    work dir as ``nonfinite_batch.pth`` (with several ranks, ``nonfinite_batch_rank1.pth`` and so
    on). It is plain data, with ``inputs``, ``names``, ``losses``, ``epoch`` and ``iter``.

    A loss is checked one iteration late, while the device is busy with the next one. So no
    iteration waits for its own result. Weights that a bad step has spoilt are never saved: the last
    loss is checked before an epoch ends and before a checkpoint is written. The tensors of a
    checkpoint are checked too.
    """

    priority = 'NORMAL'  # before CheckpointHook

    def __init__(self) -> None:
        self._last: _Iteration | None = None

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Check the iteration before, and note this one."""
        self.look(runner)
        losses = {name: value.detach() for name, value in outputs.items() if 'loss' in name}
        here = losses['loss'].isfinite().logical_not().float()
        anywhere = here.clone()
        all_reduce(anywhere, 'max')
        bad = HostCopy(torch.stack([here, anywhere]))
        self._last = _Iteration(runner.epoch + 1, runner.iter + 1, data_batch, losses, bad)

    def after_train_epoch(self, runner: Runner) -> None:
        """Check the last iteration of the epoch."""
        self.look(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse to save a checkpoint that holds NaN or infinity.

        Raises:
            InputError: If it does. This happens, for example, when the loss is finite but its
                gradients are not.
        """
        self.look(runner)
        bad = [
            name
            for name, value in checkpoint['state_dict'].items()
            if value.is_floating_point() and not value.isfinite().all()
        ]
        if bad:
            raise InputError(
                f'{len(bad)} tensors of the model hold NaN or infinity after {runner.iter} '
                f'iterations, first {bad[0]}, and are not saved; '
                f'{_last_checkpoint(runner)}; lower optim_wrapper.optimizer.lr, or set '
                'optim_wrapper.clip_grad'
            )

    def look(self, runner: Runner) -> None:
        """Stop if the loss of the noted iteration is not finite. Otherwise forget the iteration.

        Raises:
            InputError: If the loss is not finite on this rank.
            SystemExit: If the loss is not finite on another rank.
        """
        last, self._last = self._last, None
        if last is None:
            return
        here, anywhere = last.bad.read()
        where = f'in iteration {last.iter} (epoch {last.epoch})'
        if here:
            raise InputError(self._describe(runner, last, where))
        if anywhere:
            # This rank raises no InputError: the one of the other rank has the details.
            runner.logger.error(f'stopped, because the loss of another rank is not finite {where}')
            raise SystemExit(2)

    @staticmethod
    def _describe(runner: Runner, last: _Iteration, where: str) -> str:
        """Save the batch and return the error message."""
        rank = f' on rank {get_rank()}' if get_world_size() > 1 else ''
        values = {name: value.item() for name, value in last.losses.items()}
        bad = [name for name, value in last.losses.items() if not value.isfinite()]
        terms = [name for name in bad if name != 'loss'] or bad
        inputs = last.batch['inputs']
        groups = inputs if isinstance(inputs, Mapping) else {'': inputs}
        groups = {name: [x.detach().cpu() for x in views] for name, views in groups.items()}
        inputs = groups if isinstance(inputs, Mapping) else groups['']
        names = [
            str(sample.metainfo.get('frame_dir', f'number {index}'))
            for index, sample in enumerate(last.batch['data_samples'])
        ]
        path = Path(runner.work_dir, f'nonfinite_batch{rank.replace(" on rank ", "_rank")}.pth')
        with replace_file(path) as file:
            batch = {'inputs': inputs, 'names': names, 'losses': values}
            torch.save({**batch, 'epoch': last.epoch, 'iter': last.iter}, file)

        culprits = [
            name
            for name, *views in zip(names, *groups.values(), strict=True)
            if not all(x.isfinite().all() for x in views)
        ]
        if culprits:
            samples = f'{_listed(culprits)} of its {len(names)} samples hold NaN or infinity'
            remedy = 'correct them or leave them out'
        else:
            samples = f'all values of its {len(names)} samples ({_listed(names)}) are finite'
            remedy = 'lower optim_wrapper.optimizer.lr, or set optim_wrapper.clip_grad'
        terms = ', '.join(f'{name} is {values[name]}' for name in terms)
        return (
            f'the loss is not finite {where}{rank}: {terms}; {samples}; the batch is saved as '
            f'{path}; {_last_checkpoint(runner)}; {remedy}'
        )


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ', '.join(names[:_NAMED]) + (f' and {more} more' if more > 0 else '')


def _last_checkpoint(runner: Runner) -> str:
    path = Path(runner.work_dir, 'last_checkpoint')
    if not path.is_file():
        return 'no checkpoint was saved before it'
    return f'the last good checkpoint is {path.read_text().strip()}'
