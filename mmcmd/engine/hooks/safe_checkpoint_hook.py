import logging
import re
import zipfile
from pathlib import Path
from typing import Any

from mmengine.dist import (
    all_gather_object,
    broadcast_object_list,
    get_rank,
    get_world_size,
    is_main_process,
)
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor, nn

from mmcmd.engine.hooks.frozen_encoder_hook import digest
from mmcmd.engine.hooks.nonfinite_hook import NonFiniteHook
from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.io.files import replace_file
from mmcmd.registry import HOOKS

POINTER = 'last_checkpoint'
PREEMPTED = 'preempted.pth'
_RESUMABLE = re.compile(rf'(epoch|iter)_\d+\.pth|{re.escape(PREEMPTED)}')


def is_whole(path: Path) -> bool:
    """Return whether a checkpoint is complete. It is read, but no code in it is run.

    torch writes zip files with a checksum for each tensor, but does not check it when loading.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def find_whole_checkpoint(work_dir: str | Path) -> Path | None:
    """Find the checkpoint to resume from: the last one, or the one before it if that is torn.

    Args:
        work_dir (str or Path): Folder of the run, in which ``last_checkpoint`` names the last.
    """
    pointer, folder, candidates = Path(work_dir, POINTER), Path(work_dir), []
    if pointer.is_file() and (name := pointer.read_text(errors='replace').strip()):
        last = Path(name)
        # The folder may have been moved since.
        candidates = [last if last.exists() else folder / last.name]
        folder = candidates[0].parent
    others = [path for path in folder.glob('*.pth') if _RESUMABLE.fullmatch(path.name)]
    others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in dict.fromkeys([*candidates, *others]):
        if is_whole(path):
            return path
        state = 'torn' if path.is_file() else 'missing'
        print_log(
            f'{path} is {state} and not resumed from; looking for the checkpoint before it',
            logger='current',
            level=logging.WARNING,
        )
    return None


def differing_tensors(module: nn.Module) -> list[dict[str, Tensor]]:
    """Return, for each rank, the tensors in which its module differs from that of rank 0.

    Within an epoch these are the statistics of BatchNorm. All ranks must call this function.
    """
    digests = all_gather_object(digest(module))
    mine = digests[get_rank()]
    names = [name for name, value in digests[0].items() if mine[name] != value]
    state = module.state_dict()
    return all_gather_object({name: state[name].cpu() for name in names})


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's checkpoints, saved so that there is a complete one at any moment.

    With ``backend_args=dict(backend='atomic')`` a checkpoint appears whole or not at all. Then the
    file ``last_checkpoint``, which names it, is replaced in the same way. Only after that the
    outdated checkpoints are removed. A full or failing disk may still damage a checkpoint; a resume
    then takes the one before it.

    With several ranks, mmengine saves only the tensors of rank 0. This hook adds the tensors that
    differ on the other ranks, so that a resume in the middle of an epoch is exact for them too.

    The arguments are those of mmengine's ``CheckpointHook``.
    """

    def before_run(self, runner: Runner) -> None:
        """Choose the checkpoint for a resume that names none."""
        if not runner._resume or runner._load_from is not None:
            return
        found = [find_whole_checkpoint(runner.work_dir)] if is_main_process() else [None]
        broadcast_object_list(found)
        if found[0] is None:
            runner.logger.warning(f'no checkpoint in {runner.work_dir}: starting from the start')
            runner._resume = False
        else:
            runner._load_from = str(found[0])

    def before_train(self, runner: Runner) -> None:
        """Restore the names of the checkpoints, and remove half-written files of a killed run."""
        super().before_train(runner)
        self.last_ckpt = runner.message_hub.get_info('last_ckpt')
        # The list can hold one more checkpoint than is kept, until the oldest one is removed.
        self.keep_ckpt_ids = list(self.keep_ckpt_ids) if self.max_keep_ckpts > 0 else []
        if is_main_process():
            for path in Path(self.out_dir).glob('.*.pth.*.part'):
                path.unlink(missing_ok=True)

    def save(self, runner: Runner, name: str, meta: dict) -> None:
        """Save a checkpoint that can be resumed from, and point to it; all ranks must call this.

        Args:
            runner (Runner): The runner.
            name (str): File name.
            meta (dict): ``epoch`` and ``iter`` to go on from.
        """
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        # Only hooks of rank 0 get the checkpoint, but all ranks must stop if a loss is not
        # finite.
        for hook in runner.hooks:
            if isinstance(hook, NonFiniteHook):
                hook.look(runner)
        self._differing = differing_tensors(unwrapped_model(runner)) if get_world_size() > 1 else []
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        self._differing = []
        if is_main_process():
            with replace_file(Path(runner.work_dir, POINTER)) as file:
                file.write(self.last_ckpt.encode())

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the tensors that differ on other ranks."""
        if any(getattr(self, '_differing', [])):
            checkpoint['rank_state_dicts'] = self._differing

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Use the tensors that this rank had."""
        own = checkpoint.get('rank_state_dicts', [])
        if runner._resume and len(own) == get_world_size():
            checkpoint['state_dict'].update(own[get_rank()])

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Save a checkpoint, and then remove the outdated ones."""
        if self.max_keep_ckpts > 0:
            if step not in self.keep_ckpt_ids:
                self.keep_ckpt_ids.append(step)
            # Outdated ones are in the list too: if the run is killed now, a resume removes them
            # later.
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self.save(runner, self.filename_tmpl.format(step), meta)
        outdated = self.keep_ckpt_ids[: -self.max_keep_ckpts]
        self.keep_ckpt_ids = self.keep_ckpt_ids[-self.max_keep_ckpts :]
        if is_main_process():
            for name in (*map(self.filename_tmpl.format, outdated), PREEMPTED):
                self._remove(self.file_backend.join_path(self.out_dir, name))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        """Save a checkpoint if it is the best one, and then remove the former best one."""
        # mmengine would remove the former one first, so it is hidden here.
        before, self._best = self._best, dict.fromkeys(self._best)
        super()._save_best_checkpoint(runner, metrics)
        after = self._best
        self._best = {name: after[name] or path for name, path in before.items()}
        if is_main_process():
            for name, path in before.items():
                if path and after[name] not in (None, path):
                    self._remove(path)

    @property
    def _best(self) -> dict[str | None, str | None]:
        """The best checkpoints by metric. If there is one metric only, its key is None."""
        if not self.save_best:
            return {}
        if len(self.key_indicators) == 1:
            return {None: self.best_ckpt_path}
        return self.best_ckpt_path_dict

    @_best.setter
    def _best(self, paths: dict[str | None, str | None]) -> None:
        if None in paths:
            self.best_ckpt_path = paths[None]
        elif paths:
            self.best_ckpt_path_dict = paths

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
