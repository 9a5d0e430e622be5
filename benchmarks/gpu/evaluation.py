"""Measure nearest neighbours at the sizes of NTU-60 and NTU-120, and linear evaluation."""

import statistics
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from torch import Tensor

from benchmarks.gpu.place import Place
from benchmarks.gpu.table import Case, Row
from benchmarks.harness import seconds
from benchmarks.knn import bare_multiply, check_predictions, features
from benchmarks.linear import build, write_sequences
from mmcmd.datasets.annotations.official_totals import TOTALS
from mmcmd.evaluation.knn import BLOCK, GPU_BLOCK, knn_predict, knn_predict_streams

CHECKED = 256
"""Number of queries that are also predicted on the CPU, as a check."""


def measure_neighbours(place: Place, entries: int, size: int, dims: int) -> tuple[dict, str]:
    """Measure 1-NN of features in the memory of the host, as in an evaluation."""
    queries, _ = features(size, dims, seed=1)
    gallery, labels = features(entries, dims, seed=2)
    block = BLOCK if place.device == 'cpu' else GPU_BLOCK
    sides = {'': queries}, {'': gallery}, labels
    ours = partial(knn_predict_streams, *sides, block=block, device=place.device)
    found = ours()[''][:CHECKED]
    expected = knn_predict(queries[:CHECKED], gallery, labels)
    ties = check_predictions(found, expected, (queries[:CHECKED], gallery))
    values = place.peak(ours)
    on_device: list[Tensor] = [x.to(place.device) for x in (queries, gallery)]
    bare = partial(bare_multiply, *on_device, block)
    times = place.in_turns(ours=ours, bare=bare)
    taken = zip(times['ours'], times['bare'], strict=True)
    values['seconds'] = statistics.median(times['ours'])
    values['times the bare products'] = statistics.median(a / b for a, b in taken)
    note = (
        f'{ties} of {len(found)} predictions differ from those of a CPU, because two entries are '
        'equally near within rounding'
    )
    return values, note


def measure_linear(place: Place, train: int, val: int, epochs: int) -> tuple[dict, str]:
    """Measure linear evaluation with both loops, from the first encoding to the last validation."""
    with tempfile.TemporaryDirectory() as name:
        folder, hidden = Path(name), 16 if place.short else 1024
        write_sequences(folder / 'sequences.pkl', train, val)
        modes = ('cached',) if place.short else ('cached', 'exact')
        seconds(build('cached', folder, hidden, max_epochs=1).train, place.clock)  # warms up
        times = {
            mode: seconds(build(mode, folder, hidden, max_epochs=epochs).train, place.clock)
            for mode in modes
        }
    values = {'seconds': times['cached']}
    if 'exact' in times:
        values['times as fast as encoding in every epoch'] = times['exact'] / times['cached']
    return values, 'with validation, checkpoints and encoding, one round'


def cases(place: Place) -> Iterator[Case]:
    """List all cases."""
    for key, title in (('ntu60_xsub', 'NTU-60'), ('ntu120_xsub', 'NTU-120')):
        total, dims = TOTALS[key], 64 if place.short else 2048
        entries, size = (512, 256) if place.short else (total.train, total.val)
        case = {'size of': title, 'gallery': entries, 'queries': size, 'features': dims}
        columns = 'seconds', 'times the bare products', 'peak (GB)'
        row = Row('1-NN, x-sub', case, columns)
        yield Case(row, partial(measure_neighbours, place, entries, size, dims))
    train, val, epochs = (16, 8, 2) if place.short else (2048, 512, 10)
    case = dict(sequences=f'{train} + {val}', epochs=epochs, streams='joint')
    columns = 'seconds', 'times as fast as encoding in every epoch'
    row = Row('linear evaluation', case, columns)
    yield Case(row, partial(measure_linear, place, train, val, epochs))
