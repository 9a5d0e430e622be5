"""Measure exact and approximate search in an index of a million motions: time, memory, recall."""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Figure, in_turns, ratio, seconds
from benchmarks.memory import peak_of, resident
from benchmarks.processes import in_a_process
from mmcmd.retrieval import MotionIndex, unit
from mmcmd.retrieval.approximate import import_faiss, join, recall_of
from mmcmd.retrieval.search import exact_rows

DIMS, LATENT, CLASSES, K = 256, 12, 60, 10


def make_features(count: int, seed: int) -> np.ndarray:
    """Draw features (N, 256) that resemble those of an encoder.

    Points of 60 classes lie around the centres of their classes in 12 dimensions. A random layer
    with tanh maps them to 256 dimensions.
    """
    fixed = np.random.default_rng(0)
    centres = 2 * fixed.normal(size=(CLASSES, LATENT))
    weight = fixed.normal(size=(LATENT, DIMS)) / LATENT**0.5
    bias = 0.3 * fixed.normal(size=DIMS)
    rng, parts = np.random.default_rng(seed), []
    for first in range(0, count, 50_000):
        size = min(50_000, count - first)
        latent = centres[rng.integers(CLASSES, size=size)] + rng.normal(size=(size, LATENT))
        parts.append(np.tanh(latent @ weight + bias).astype(np.float32))
    return np.concatenate(parts)


def write(folder: str, count: str) -> dict[str, Any]:
    """Build and save the exact index in this process; return time and peak memory."""
    size = int(count)
    features = make_features(size, seed=1)
    names = [f'motion_{row:07}' for row in range(size)]
    index = MotionIndex({'joint': features}, names, np.arange(size) % CLASSES)
    del features
    took = seconds(partial(index.save, folder))
    return {'save': took, 'peak': resident('VmHWM')}


def approximate(folder: str, count: str) -> dict[str, Any]:
    """Add the approximate index in this process; return times, peak memory and its facts."""
    index = MotionIndex.open(folder)
    start, cpu = time.perf_counter(), time.process_time()
    facts = index.build_approximate(recall=0.96, k=K)
    took = {'build': time.perf_counter() - start, 'cpu': time.process_time() - cpu}
    peak = resident('VmHWM')
    index.save(folder)
    return {**took, 'peak': peak, **facts}


def run(short: bool) -> Iterator[Figure]:
    """Build an index, open it and search in it."""
    count, queries, rounds = (20_000, 50, 2) if short else (1_000_000, 100, 3)
    case = f'{count:,} x {DIMS}'
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, 'index')
        made = in_a_process('benchmarks.retrieval', 'write', folder, count)
        size = sum(x.stat().st_size for x in folder.iterdir()) / 1e6
        extra, index = peak_of(lambda: MotionIndex.open(folder))
        opened = seconds(partial(MotionIndex.open, folder))
        yield Figure(
            'retrieval',
            f'{case}: open the exact index',
            opened,
            's',
            note=f'{size:.0f} MB on the disk, written in {made["save"]:.1f} s; {extra:.0f} MB of '
            'memory before the first search, mainly for the names',
        )
        asked = {'joint': unit(make_features(queries, seed=2))}
        one = {'joint': asked['joint'][:1]}
        extra, (_, true) = peak_of(partial(exact_rows, index.vectors, asked, K))
        single = in_turns(rounds, single=partial(exact_rows, index.vectors, one, K))['single']
        yield Figure(
            'retrieval',
            f'{case}: one query, exact, k = {K}',
            1000 * float(np.median(single)),
            'ms',
            low=1000 * min(single),
            high=1000 * max(single),
            note=f'{queries} queries together need {extra:.0f} MB more memory, with the pages of '
            'the mapped file',
        )
        import_faiss()
        facts = in_a_process('benchmarks.retrieval', 'approximate', folder, count)
        index = MotionIndex.open(folder)
        _, found = index.approximate.search(asked, K)
        yield Figure(
            'retrieval',
            f'{case}: recall@{K} of the approximate index on {queries} new queries',
            recall_of(found, true),
            '',
            '>= 0.95',
            'exact search',
            note=f'{facts["cells"]} cells, {facts["probes"]} of them are searched; built in '
            f'{facts["build"]:.0f} s ({facts["cpu"]:.0f} s of CPU) with a peak of '
            f'{facts["peak"]:.0f} MB; recall measured at the build: {facts["recall"]:.3f}',
        )
        joined = join(asked)
        for label, number in (('one query', 1), (f'{queries} queries together', queries)):
            part = {'joint': asked['joint'][:number]}
            times = in_turns(
                rounds,
                ours=partial(index.approximate.index.search, joined[:number], K),
                exact=partial(exact_rows, index.vectors, part, K),
            )
            yield Figure(
                'retrieval',
                f'{case}: {label}, approximate',
                **ratio(times, 'exact'),
                goal='' if short else '>= 10',
                against='exact search',
            )


if __name__ == '__main__':
    function = {'write': write, 'approximate': approximate}[sys.argv[1]]
    print(json.dumps(function(*sys.argv[2:])))
