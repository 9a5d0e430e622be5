"""Open a data set of the size of NTU-120 and share it with workers, against unpickling it.

Each figure is measured in its own process. Ours is measured after an epoch, when workers have read
every sample. Ranks and spawned workers would each unpickle the file. Five copies do not fit into
the memory of the machine, so unpickling is measured in one process.
"""

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from benchmarks.harness import Disagreement, Figure, Growth, seconds
from benchmarks.memory import MB, memory
from benchmarks.ntu120 import Mapped, Unpickled, generate
from benchmarks.processes import in_a_process
from mmcmd.datasets.annotations.reading import save_annotations
from mmcmd.datasets.annotations.store import open_annotations, store_path

WORKERS, BATCH = 4, 64
EVERYONE = f'of the main process and {WORKERS} workers'


def measure(kind: str, path: str) -> dict[str, Any]:
    """Open a data set in this process, and return time and memory. Ours also reads an epoch."""
    store = store_path(path).resolve()
    before = memory([os.getpid()], store)['private']
    start = time.perf_counter()
    dataset = (Mapped if kind == 'ours' else Unpickled)(path, 'xsub_train')
    opened = time.perf_counter() - start
    own = memory([os.getpid()], store)['private'] - before
    facts = dict(before=before, open=opened, own=own)
    if kind == 'ours':
        return facts | read_an_epoch(dataset, store)
    start = time.perf_counter()
    default_collate([dataset[index] for index in range(BATCH)])
    first_batch = time.perf_counter() - start
    total = sum(float(dataset[index].sum(dtype=float)) for index in range(len(dataset)))
    return facts | dict(first_batch=first_batch, samples=len(dataset), total=total)


def read_an_epoch(dataset: Dataset, store: Path) -> dict[str, Any]:
    """Read every sample once through the workers, then return the memory of all processes."""
    loader = DataLoader(dataset, BATCH, shuffle=True, num_workers=WORKERS)
    start = time.perf_counter()
    batches = iter(loader)
    batch = next(batches)
    first_batch = time.perf_counter() - start
    samples, total = len(batch), batch.sum(dtype=torch.double).item()
    for batch in islice(batches, len(loader) - 1):  # after the last batch, the workers would end
        samples += len(batch)
        total += batch.sum(dtype=torch.double).item()
    workers = [worker.pid for worker in batches._workers]
    return dict(
        samples=samples,
        total=total,
        first_batch=first_batch,
        epoch=time.perf_counter() - start,
        all=memory([os.getpid(), *workers], store),
        workers=memory(workers, store),
    )


def run(short: bool) -> Iterator[Figure | Growth]:
    """Measure both at growing numbers of sequences."""
    sizes = (5_000,) if short else (5_000, 25_000, 114_000)
    packed, ours, unpickled = [], [], []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'ntu120.pkl')
            save_annotations(generate(size), path)
            packed.append(seconds(lambda path=path: open_annotations(path)))
            ours.append(in_a_process('benchmarks.dataset', 'ours', path))
            unpickled.append(in_a_process('benchmarks.dataset', 'unpickled', path))
            stored = store_path(path).stat().st_size / MB
        for fact, tolerance in (('samples', 0), ('total', 1e-9)):
            found, wanted = ours[-1][fact], unpickled[-1][fact]
            if not math.isclose(found, wanted, rel_tol=tolerance):
                raise Disagreement(f'{fact} of an epoch of {size} sequences: {found}, not {wanted}')

    case = f'{size:,} sequences, {stored:,.0f} MB'
    yield from figures(case, packed[-1], ours[-1], unpickled[-1], short)
    if not short:
        yield from growth(sizes, packed, ours, unpickled)


def figures(case: str, packed: float, ours: dict, unpickled: dict, short: bool) -> Iterator[Figure]:
    """Compare both at the largest size."""
    once = f'unpickling: {unpickled["open"]:.1f} s'
    copies = f'unpickling in {WORKERS + 1} processes: {(WORKERS + 1) * unpickled["own"]:,.0f} MB'
    epoch = f'after an epoch of {ours["samples"]:,} samples in {ours["epoch"]:.0f} s'
    all_of_them = ours['all']
    for what, value, unit, goal, against, note in (
        ('opened', ours['open'], 's', '<= 2', once, ''),
        ('packed, once', packed, 's', '', once, ''),
        ('first batch, workers started', ours['first_batch'], 's', '', '', ''),
        (
            'private memory of opening',
            ours['own'],
            'MB',
            '<= 100',
            f'unpickling: {unpickled["own"]:,.0f} MB, in every process',
            '',
        ),
        (
            f'memory {EVERYONE}, without the store',
            all_of_them['share'],
            'MB',
            f'<= {unpickled["own"]:.0f}',
            copies,
            f'PSS {epoch}, libraries and forked pages included; goal: one unpickled copy; '
            f'{ours["before"]:,.0f} MB were in use before it was opened; private pages of the '
            f'processes (USS) {all_of_them["private"]:,.0f} MB',
        ),
        (
            f'pages of the store that are mapped, {EVERYONE}',
            all_of_them['mapped_share'],
            'MB',
            '',
            copies,
            f'{epoch}; all processes share one copy ({all_of_them["mapped"]:,.0f} MB if each '
            'process is counted); it is page cache, which the system can release at any time',
        ),
    ):
        yield Figure(
            'dataset',
            f'{case}: {what}',
            value,
            unit,
            '' if short else goal,
            against,
            note=note,
        )


def growth(
    sizes: tuple[int, ...], packed: list[float], ours: list[dict], unpickled: list[dict]
) -> Iterator[Growth]:
    """Return how each cost grows with the number of sequences."""
    for cost, values, note in (
        ('opening (s)', [x['open'] for x in ours], ''),
        ('packing (s)', packed, ''),
        ('unpickling (s)', [x['open'] for x in unpickled], ''),
        ('first batch (s)', [x['first_batch'] for x in ours], ''),
        ('an epoch (s)', [x['epoch'] for x in ours], 'a piece of every sample of one split'),
        ('private memory of opening (MB)', [x['own'] for x in ours], ''),
        ('private memory of unpickling (MB)', [x['own'] for x in unpickled], 'in every process'),
        (
            f'private memory of {WORKERS} workers (MB)',
            [x['workers']['private'] for x in ours],
            'USS after the epoch',
        ),
        (
            f'private memory {EVERYONE} (MB)',
            [x['all']['private'] for x in ours],
            'USS after the epoch',
        ),
        (
            f'memory {EVERYONE}, without the store (MB)',
            [x['all']['share'] for x in ours],
            'PSS after the epoch, libraries and forked pages included',
        ),
        (
            f'pages of the store that are mapped, {EVERYONE} (MB)',
            [x['all']['mapped_share'] for x in ours],
            'after the epoch; all processes share one copy, and the system can release it',
        ),
    ):
        yield Growth(cost, 'sequences', sizes, values, note)


if __name__ == '__main__':
    sys.stdout.write(json.dumps(measure(*sys.argv[1:])) + '\n')
