"""Train for a long time with evaluations; memory, files and processes must not grow.

    python tests/faults/soak.py [--iterations 2000] [--every 100]

After each evaluation, the script prints the resident memory, open files and child processes. At the
end, it prints the least-squares slope of the memory after the warm-up (the first quarter). The exit
status is 1 if the memory grows by more than the bound, or if there are more files or processes than
after the warm-up. The script reads /proc, so it needs Linux.
"""

import argparse
import os
import pickle
import sys
import tempfile
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

ROOT = Path(__file__).parents[2]
BATCH, QUERIES, CLASSES = 4, 40, 4
BOUND = 2.0  # MB in 1,000 iterations; if no batch were freed, it would be 80
OPTIONS = {
    'model.backbone.hidden_size': 16,
    'model.backbone.num_layers': 1,
    'model.queue.size': 256,
    'model.distill_head.topk': 32,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 1,
    'log_level': 'ERROR',
}


def write_data(path, count):
    """Write a pickle with ``count`` sequences to train on and others to evaluate on."""
    rng = np.random.default_rng(0)
    poses = rng.normal(size=(CLASSES, 2, 1, 25, 3))
    annotations = []
    for index in range(count + QUERIES):
        length, label = int(rng.integers(20, 60)), index % CLASSES
        walk = np.cumsum(rng.normal(size=(2, length, 25, 3)), axis=1) * 0.1
        keypoint = (poses[label] + walk).astype(np.float32)
        annotations.append(
            dict(frame_dir=f's{index}', label=label, keypoint=keypoint, total_frames=length)
        )
    names = [sample['frame_dir'] for sample in annotations]
    split = {'xsub_train': names[:count], 'xsub_val': names[count:]}
    path.write_bytes(pickle.dumps({'split': split, 'annotations': annotations, 'layout': 'ntu'}))


def children(process):
    """List all descendants of a process."""
    found = []
    for task in Path('/proc', str(process), 'task').iterdir():
        for child in (task / 'children').read_text().split():
            found += [child, *children(child)]
    return found


def resident(process):
    """Return the resident memory of a process in MB."""
    pages = int(Path('/proc', str(process), 'statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def open_files(process):
    """Return the number of open files, pipes and sockets of a process."""
    return len(os.listdir(Path('/proc', str(process), 'fd')))


class Probe(Hook):
    """Store and print a row after each evaluation."""

    priority = 'LOWEST'

    def __init__(self):
        self.rows = []

    def after_val_epoch(self, runner, metrics=None):
        me, workers = os.getpid(), children(os.getpid())
        row = (
            runner.iter,
            resident(me),
            sum(map(resident, workers)),
            sum(map(open_files, [me, *workers])),
            len(workers),
        )
        self.rows.append(row)
        print('{:>9} {:>9.1f} {:>11.1f} {:>10} {:>9}'.format(*row), flush=True)


def train(folder, iterations, every):
    """Run the training and return the rows."""
    write_data(folder / 'soak.pkl', every * BATCH)
    cfg = Config.fromfile(ROOT / 'configs/cmd/cmd_bigru_ntu60_xsub.py')
    cfg.merge_from_dict(OPTIONS | {'train_cfg.max_epochs': iterations // every})
    for loader in (
        *(cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader),
        *(cfg.val_cfg.gallery_dataloader, cfg.test_cfg.gallery_dataloader),
    ):
        loader.batch_size, loader.num_workers = BATCH, 2
        loader.dataset.ann_file, loader.dataset.clip_len = str(folder / 'soak.pkl'), 16
    cfg.work_dir = str(folder / 'work')
    probe = Probe()
    runner = Runner.from_cfg(cfg)
    runner.register_hook(probe)
    print('iteration  main MB  workers MB  open files  processes')
    runner.train()
    return np.array(probe.rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--iterations', type=int, default=2000)
    parser.add_argument('--every', type=int, default=100, help='iterations between evaluations')
    args = parser.parse_args()
    if args.iterations // args.every < 8:
        parser.error('less than 8 evaluations say nothing about a trend')
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        rows = train(Path(folder), args.iterations, args.every)

    rows = rows[len(rows) // 4 :]
    grown = []
    for name, values in (('main', rows[:, 1]), ('workers', rows[:, 2])):
        slope = np.polyfit(rows[:, 0] / 1000, values, 1)[0]
        print(
            f'{name}: {slope:+.2f} MB in 1,000 iterations after the first {rows[0, 0]:.0f} '
            f'(bound {BOUND}), from {values.min():.1f} to {values.max():.1f} MB'
        )
        if slope > BOUND:
            grown.append(f'memory of {name}')
    for name, values in (('open files', rows[:, 3]), ('processes', rows[:, 4])):
        print(f'{name}: {values.min():.0f} to {values.max():.0f}')
        if values.max() > values[0]:
            grown.append(name)
    print('GROWS: ' + ', '.join(grown) if grown else 'flat')
    return 1 if grown else 0


if __name__ == '__main__':
    sys.exit(main())
