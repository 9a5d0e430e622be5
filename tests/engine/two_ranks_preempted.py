"""One rank of `test_preemption.py`: python two_ranks_preempted.py PICKLE FOLDER.

It trains, stops after a signal to rank 1, and resumes. It saves the final state of this rank.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.cli import _join_on_cpu

ROOT = Path(__file__).parents[2]


class SignalHook(Hook):
    """Ranks exchange signals one iteration late, so they stop after the following iteration."""

    def before_train_iter(self, runner, **kwargs):
        if runner.iter == 3 and runner.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)


class UntilHook(Hook):
    """Ends the run in the middle of the second epoch, before the ranks average their statistics."""

    def after_train_iter(self, runner, **kwargs):
        if runner.iter == 5:
            raise StopIteration


def train(cfg, name, folder, *hooks, **changes):
    cfg = cfg.copy()
    cfg.update(changes)
    cfg.work_dir = str(folder / 'work' if name != 'whole' else folder / 'whole')
    cfg.experiment_name = name
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    try:
        runner.train()
    except StopIteration:
        torch.save(runner.model.module.state_dict(), folder / f'{name}_{runner.rank}.pth')
    except SystemExit as stop:
        if stop.code != 85:
            raise


def main():
    pickle, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    cfg = Config.fromfile(ROOT / 'configs/cmd/cmd_bigru_ntu60_xsub.py')
    cfg.merge_from_dict(
        {
            'model.backbone.hidden_size': 4,
            'model.backbone.num_layers': 1,
            'model.neck.out_channels': 6,
            'model.neck.in_channels': 8,
            'model.queue.size': 12,
            'model.distill_head.topk': 5,
            'train_dataloader.batch_size': 2,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'train_dataloader.dataset.ann_file': pickle,
            'train_dataloader.dataset.clip_len': 8,
            'default_hooks.checkpoint.save_best': None,
            'visualizer.vis_backends': [],
            'launcher': 'pytorch',
        }
    )
    for name in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        cfg[name] = None
    _join_on_cpu(cfg)
    train(cfg, 'whole', folder, UntilHook())
    train(cfg, 'preempted', folder, SignalHook())
    if torch.distributed.get_rank() == 0:
        shutil.copy(folder / 'work/preempted.pth', folder / 'preempted_copy.pth')
    train(cfg, 'resumed', folder, UntilHook(), resume=True)


if __name__ == '__main__':
    main()
