"""Time this tree against another checkout: ``python -m benchmarks.against PATH_OF_THE_OTHER``.

Two processes, one for each tree, do the same work in turns, in random order, so that other load on
the machine affects both sides. Each ratio is the time of the other tree divided by the time of this
tree. The speed of a process also depends on the addresses of its memory, so the processes are
restarted several times, in random order. For each start the median ratio is taken. The table shows
the mean of these medians, with a 95 % t interval. Both trees must have the config of CMD and
:func:`mmcmd.evaluation.knn_predict`.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import scipy.stats

HERE = Path(__file__).parents[1]
ROUNDS = {'encoder': 16, 'cmd_step': 8, 'views': 80, 'knn': 40, 'startup': 1}
"""Kinds of work, and how many times each tree does them after each start."""


class Tree:
    """A process that imports mmcmd from one checkout and works on request."""

    def __init__(self, root: Path, skeletons: Path) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), '--serve', str(root), str(skeletons)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=skeletons.parent,
            env={**os.environ, 'PYTHONPATH': str(root)},
        )

    def __enter__(self) -> Self:
        self.ask('')  # returns when everything is built
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def ask(self, work: str) -> float:
        """Return the seconds that a kind of work took.

        Raises:
            RuntimeError: If the process has ended.
        """
        if work == 'startup':
            return self._start()
        print(work, file=self.process.stdin, flush=True)
        for line in self.process.stdout:
            if line.startswith('seconds '):
                return float(line.split()[1])
        raise RuntimeError(f'the process of {self.root} ended with {self.process.wait()}')

    def _start(self) -> float:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [sys.executable, '-m', 'benchmarks', 'startup', '--short', '--out', folder],
                check=True,
                cwd=self.root,
                env={**os.environ, 'PYTHONPATH': str(self.root)},
                stdout=subprocess.DEVNULL,
            )
            return json.loads(Path(folder, 'bench.json').read_text())['figures'][0]['times']['ours']


def works(root: Path, skeletons: Path) -> dict[str, Callable[[], object]]:
    """Build the functions that are timed, with the package of the tree ``root``."""
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    import mmcmd.datasets
    from mmcmd.evaluation import knn_predict
    from mmcmd.registry import DATASETS, MODELS

    if not Path(mmcmd.__file__).is_relative_to(root):
        raise RuntimeError(f'{mmcmd.__file__} is not in {root}')
    torch.manual_seed(0)
    init_default_scope('mmcmd')
    config = Config.fromfile(root / 'configs/cmd/cmd_bigru_ntu60_xsub.py')
    config.model.backbone.hidden_size = 256
    config.train_dataloader.dataset |= dict(ann_file=str(skeletons), split=None)
    dataset = DATASETS.build(config.train_dataloader.dataset)
    model = MODELS.build(config.model).train()
    encoder = MODELS.build(config.model.backbone).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    views = torch.randn(16, 2, 2, 64, 25, 3)
    features = torch.randn(8192, 512)
    labels = torch.arange(8192) % 60

    def step() -> None:
        optimizer.zero_grad()
        losses = model(views, mode='loss')
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        optimizer.step()

    return {
        'encoder': lambda: encoder(views[:, 0]).sum().backward(),
        'cmd_step': step,
        'views': lambda: [dataset[0, 1, index] for index in range(len(dataset))],
        'knn': lambda: knn_predict(features[:1024], features, labels),
    }


def serve(root: Path, skeletons: Path) -> None:
    """Do each work that standard input names, and print how long it took."""
    known, warm = works(root, skeletons), set()
    for line in sys.stdin:
        work = known.get(line.strip(), lambda: None)
        if work not in warm:
            work()
            warm.add(work)
        start = time.perf_counter()
        work()
        print(f'seconds {time.perf_counter() - start}', flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m benchmarks.against', description=__doc__)
    parser.add_argument('other', type=Path, help='another checkout')
    parser.add_argument('works', nargs='*', metavar='WORK', help=f'one of {", ".join(ROUNDS)}')
    parser.add_argument('--rounds', type=int, help='rounds of each kind of work in each start')
    parser.add_argument('--starts', type=int, default=8, help='starts of the two processes')
    args = parser.parse_args()
    # Not at the top: a serving process must import the package of its own tree.
    from benchmarks.views import make_sequences, write_both

    rounds = {work: args.rounds or ROUNDS[work] for work in args.works or ROUNDS}
    times = {work: [] for work in rounds}
    roots = {'other': args.other.resolve(), 'ours': HERE}
    with tempfile.TemporaryDirectory() as folder:
        skeletons = Path(write_both(make_sequences(64), Path(folder), normalized=True)[0])
        for _ in range(args.starts):
            order = random.sample(list(roots), 2)
            with (
                Tree(roots[order[0]], skeletons) as first,
                Tree(roots[order[1]], skeletons) as last,
            ):
                trees = dict(zip(order, (first, last), strict=True))
                for work, count in rounds.items():
                    times[work].append([_pair(trees, work) for _ in range(count)])
    print('| work | starts x rounds | other / ours | 95 % interval | other (s) | ours (s) |')
    print('| --- | --- | --- | --- | --- | --- |')
    for work, starts in times.items():
        seconds = np.array(starts)  # (starts, rounds, 2)
        ratios = np.median(seconds[..., 0] / seconds[..., 1], axis=1)
        low, high = scipy.stats.ttest_1samp(ratios, 1).confidence_interval()
        other, ours = np.median(seconds, axis=(0, 1))
        print(
            f'| {work} | {len(starts)} x {rounds[work]} | {ratios.mean():.3f} | '
            f'{low:.3f} to {high:.3f} | {other:.4f} | {ours:.4f} |',
        )


def _pair(trees: dict[str, Tree], work: str) -> tuple[float, float]:
    """Do a work with both trees in random order; return the seconds of the other and of ours."""
    seconds = {name: trees[name].ask(work) for name in random.sample(list(trees), 2)}
    return seconds['other'], seconds['ours']


if __name__ == '__main__':
    if sys.argv[1:2] == ['--serve']:
        serve(*map(Path, sys.argv[2:]))
    else:
        main()
