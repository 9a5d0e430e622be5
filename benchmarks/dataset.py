"""A data set of NTU-120's size, opened and shared by workers, against unpickling it.

Each figure is taken in a process of its own. Unpickling in every process, as ranks and spawned
workers do, would not fit into this much memory five times, so it is measured once.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset, default_collate

from benchmarks.harness import Disagreement, Figure, Growth, seconds
from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.annotations import save_annotations
from mmcmd.datasets.store import open_annotations, store_path

ROOT = Path(__file__).parents[1]
WORKERS, BATCH, BATCHES = 4, 64, 38


def generate(number: int) -> dict[str, Any]:
    """Make annotations: 1 or 2 persons, 40 to 160 frames of 25 joints, pieces of random walks."""
    rng = np.random.default_rng(0)
    walk = rng.normal(size=(1 << 18, 25, 3)).astype(np.float32).cumsum(axis=0)
    persons, frames = rng.integers(1, 3, number), rng.integers(40, 161, number)
    starts = rng.integers(0, len(walk) - 320, number)
    annotations = [
        dict(
            frame_dir=f'S{i // 4000 + 1:03}C001P001R{i % 4000:04}A{i % 120 + 1:03}',
            label=i % 120,
            keypoint=walk[start : start + m * t].reshape(m, t, 25, 3),
            total_frames=int(t),
        )
        for i, (m, t, start) in enumerate(zip(persons, frames, starts, strict=True))
    ]
    names = [sample['frame_dir'] for sample in annotations]
    split = dict(xsub_train=names[::2], xsub_val=names[1::2])
    return dict(split=split, annotations=annotations, layout='ntu')


class Unpickled(Dataset):
    """A list of dicts, unpickled by whoever wants it."""

    def __init__(self, path: str, split: str) -> None:
        with open(path, 'rb') as file:
            data = pickle.load(file)
        members = set(data['split'][split])
        self.samples = [x for x in data['annotations'] if x['frame_dir'] in members]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.samples[index]['keypoint'][:1, :32]


class Mapped(SkeletonDataset):
    """Ours; the same piece of each sample."""

    def __init__(self, path: str, split: str) -> None:
        super().__init__(path, [lambda sample: sample['keypoint'][:1, :32]], split=split)


def memory(processes: list[int]) -> dict[str, float]:
    """Return MB that processes take: shared pages by their shares (PSS), and their own (USS)."""
    sizes = dict(pss=0.0, uss=0.0)
    for process in processes:
        for line in Path(f'/proc/{process}/smaps_rollup').read_text().splitlines():
            name, *rest = line.replace(':', '').split()
            if name == 'Pss':
                sizes['pss'] += int(rest[0]) / 1024
            elif name.startswith('Private_') and name != 'Private_Hugetlb':
                sizes['uss'] += int(rest[0]) / 1024
    return sizes


def measure(kind: str, path: str) -> dict[str, Any]:
    """Open a data set in this process, load batches, and say what it took."""
    before = memory([os.getpid()])['uss']
    start = time.perf_counter()
    dataset = (Mapped if kind == 'ours' else Unpickled)(path, 'xsub_train')
    opened = time.perf_counter() - start
    own = memory([os.getpid()])['uss'] - before
    total = float(sum(dataset[index].sum(dtype=float) for index in range(8)))
    facts = dict(open=opened, own=own, samples=len(dataset), total=total)
    if kind == 'ours':
        loader = DataLoader(dataset, BATCH, shuffle=True, num_workers=WORKERS, drop_last=True)
        start = time.perf_counter()
        batches = iter(loader)
        next(batches)
        facts['first_batch'] = time.perf_counter() - start
        for _ in islice(batches, BATCHES - 1 - 2 * WORKERS):
            pass
        workers = [worker.pid for worker in batches._workers]
        facts['all'] = memory([os.getpid(), *workers])
        facts['workers'] = memory(workers)
    else:
        start = time.perf_counter()
        default_collate([dataset[index] for index in range(BATCH)])
        facts['first_batch'] = time.perf_counter() - start
    return facts


def in_a_process(kind: str, path: Path) -> dict[str, Any]:
    """Run :func:`measure` in a process of its own."""
    command = [sys.executable, '-m', 'benchmarks.dataset', kind, str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run(short: bool) -> Iterator[Figure | Growth]:
    """Measure both at growing numbers of sequences."""
    sizes = (5_000,) if short else (5_000, 25_000, 114_000)
    packed, ours, unpickled = [], [], []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'ntu120.pkl')
            save_annotations(generate(size), path)
            packed.append(seconds(lambda path=path: open_annotations(path)))
            ours.append(in_a_process('ours', path))
            unpickled.append(in_a_process('unpickled', path))
            stored = store_path(path).stat().st_size / 2**20
        if ours[-1]['total'] != unpickled[-1]['total']:
            raise Disagreement(f'samples of the store and of the pickle at {size} sequences')

    case = f'{size:,} sequences, {stored:,.0f} MB'
    last, other = ours[-1], unpickled[-1]
    workers = f'of the main process and {WORKERS} workers'

    def goal(text: str) -> str:
        return '' if short else text

    for what, value, unit, bound, against in (
        ('opened', last['open'], 's', '<= 2', f'unpickling: {other["open"]:.1f} s'),
        ('packed, once', packed[-1], 's', '', f'unpickling: {other["open"]:.1f} s'),
        ('first batch, workers started', last['first_batch'], 's', '', ''),
        (
            'private memory of opening',
            last['own'],
            'MB',
            '<= 100',
            f'unpickling: {other["own"]:,.0f} MB, in every process',
        ),
        (
            f'memory {workers}, mapped pages and libraries included (PSS)',
            last['all']['pss'],
            'MB',
            f'<= {other["own"]:.0f}',
            f'unpickling in {WORKERS + 1} processes: {(WORKERS + 1) * other["own"]:,.0f} MB',
        ),
    ):
        yield Figure('dataset', f'{case}: {what}', value, unit, goal(bound), against)
    for cost, values in (
        ('opening (s)', [x['open'] for x in ours]),
        ('packing (s)', packed),
        ('unpickling (s)', [x['open'] for x in unpickled]),
        ('first batch (s)', [x['first_batch'] for x in ours]),
        ('private memory of opening (MB)', [x['own'] for x in ours]),
        ('private memory of unpickling (MB)', [x['own'] for x in unpickled]),
        (f'private memory of {WORKERS} workers (MB)', [x['workers']['uss'] for x in ours]),
        (f'memory {workers} (PSS, MB)', [x['all']['pss'] for x in ours]),
    ):
        if not short:
            yield Growth(cost, 'sequences', sizes, values)


if __name__ == '__main__':
    sys.stdout.write(json.dumps(measure(*sys.argv[1:])) + '\n')
