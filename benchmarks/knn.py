"""Nearest neighbours against scikit-learn's brute force, and against matrix products alone."""

from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from benchmarks.harness import (
    Disagreement,
    Figure,
    Growth,
    check_equal,
    in_turns,
    ratio,
    seconds,
)
from benchmarks.memory import MB, peak_of
from mmcmd.evaluation.knn import BLOCK, KNNMetric, knn_predict, knn_predict_streams

CLASSES = 60
BATCH = 64


def features(count: int, dims: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw classes (N,), and unit vectors (N, D) around the centres of these classes."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(CLASSES, dims, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(CLASSES, (count,), generator=generator)
    points = torch.randn(count, dims, generator=generator)
    for chunk, classes in zip(points.split(1024), labels.split(1024), strict=True):
        chunk.mul_(6).add_(centres[classes])  # some nearest neighbours have another class
        F.normalize(chunk, dim=1, out=chunk)
    return points, labels


def bare_multiply(queries: Tensor, gallery: Tensor, block: tuple[int, int]) -> None:
    """Multiply block by block into one buffer with torch's BLAS, and ignore the results."""
    rows, columns = block
    buffer = torch.empty(rows * columns, device=queries.device)
    for chunk in queries.split(rows):
        for entries in gallery.split(columns):
            out = buffer[: len(chunk) * len(entries)].view(len(chunk), len(entries))
            torch.mm(chunk, entries.T, out=out)


def bare_onednn(queries: Tensor, gallery: Tensor, block: tuple[int, int]) -> None:
    """Multiply block by block with oneDNN, and ignore the results."""
    rows, columns = block
    for chunk in queries.split(rows):
        packed = chunk.to_mkldnn()
        for entries in gallery.split(columns):
            F.linear(packed, entries)


def check_predictions(found: Tensor, expected: Tensor, cosines: tuple[Tensor, Tensor]) -> int:
    """Count the predictions that differ because two entries are equally near within rounding.

    Args:
        found (Tensor): Classes, shape (N,).
        expected (Tensor): Classes, shape (N,).
        cosines (tuple[Tensor, Tensor]): Queries (N, D) and gallery (G, D).

    Raises:
        Disagreement: If a prediction differs for another reason.
    """
    queries, gallery = cosines
    differing = (found != expected).nonzero()[:, 0]
    for index in differing.tolist():
        two = (gallery.double() @ queries[index].double()).topk(2).values
        if two[0] - two[1] > 1e-6:
            raise Disagreement(f'query {index}: class {found[index]}, not {expected[index]}')
    return len(differing)


def whole_metric(queries: tuple[Tensor, Tensor], gallery: tuple[Tensor, Tensor]) -> float:
    """Pass features and classes to :class:`KNNMetric` as its loop does; return the accuracy.

    Args:
        queries (tuple[Tensor, Tensor]): Features (N, D) and classes (N,).
        gallery (tuple[Tensor, Tensor]): Features (G, D) and classes (G,).
    """
    metric = KNNMetric()
    for features, labels in (gallery, queries):
        for batch in zip(features.split(BATCH), labels.split(BATCH), strict=True):
            samples = [
                {'feats': {'joint': x}, 'gt_labels': {'item': label}}
                for x, label in zip(*batch, strict=True)
            ]
            metric.process({}, samples)
        if metric.gallery is None:
            metric.keep_as_gallery(len(labels))
    return metric.evaluate(len(queries[0]))['knn/top1']


def run(short: bool) -> Iterator[Figure | Growth]:
    """Compare at the size of NTU-60 x-sub."""
    num_queries, num_entries, dims, rounds = (
        (1024, 4096, 512, 2) if short else (16487, 40091, 2048, 3)
    )
    queries, classes = features(num_queries, dims, seed=1)
    gallery, labels = features(num_entries, dims, seed=2)
    case = f'{num_entries:,} x {num_queries:,} x {dims:,}, k = 1'

    ours_extra, found = peak_of(partial(knn_predict, queries, gallery, labels))
    classifier = KNeighborsClassifier(n_neighbors=1, algorithm='brute', metric='cosine')
    classifier.fit(gallery.numpy(), labels.numpy())
    theirs_extra, expected = peak_of(partial(classifier.predict, queries.numpy()))
    ties = check_predictions(found, torch.from_numpy(expected), (queries, gallery))
    metric_extra, accuracy = peak_of(partial(whole_metric, (queries, classes), (gallery, labels)))
    right = (found == classes).double().mean().item()
    check_equal(accuracy, right, 'accuracy of the metric', atol=(ties + 1) / num_queries)

    times = in_turns(
        rounds,
        ours=partial(knn_predict, queries, gallery, labels),
        sklearn=partial(classifier.predict, queries.numpy()),
        blocks=partial(bare_multiply, queries, gallery, BLOCK),
        rows=partial(bare_multiply, queries, gallery, (BLOCK[0], num_entries)),
        onednn=partial(bare_onednn, queries, gallery, BLOCK),
    )
    times['multiply'] = list(map(min, times['blocks'], times['rows'], times['onednn']))
    note = (
        f'{rounds} rounds; {ties} of {num_queries:,} predictions differ, because two entries are '
        'equally near within rounding'
    )
    yield Figure(
        'knn',
        case,
        **ratio(times, 'sklearn'),
        goal='' if short else '>= 1.5',
        against='scikit-learn, brute force, cosine',
        note=note,
    )
    yield Figure(
        'knn',
        case,
        **ratio(times, 'ours', under='multiply'),
        unit='x its time',
        goal='' if short else '<= 1.15',
        against="only the matrix products: the fastest of torch's BLAS on our blocks, torch's BLAS "
        f'on {BLOCK[0]:,} queries by the whole gallery, and oneDNN on our blocks',
    )
    inputs = f'the inputs themselves take {(queries.nbytes + gallery.nbytes) / MB:.0f} MB'
    yield Figure(
        'knn',
        f'{case}: `knn_predict`',
        ours_extra,
        'MB',
        against='peak memory above the inputs',
        note=f'scikit-learn: {theirs_extra:.0f} MB; {inputs}',
    )
    yield Figure(
        'knn',
        f'{case}: `KNNMetric`, one modality',
        metric_extra,
        'MB',
        against='peak memory above the inputs',
        note='samples kept one by one, then stacked and normalised, then `knn_predict`; '
        f'accuracy {100 * accuracy:.1f} %; {inputs}',
    )

    part = slice(num_queries // 8)
    streams = [{name: x for name in ('joint', 'motion', 'bone')} for x in (queries[part], gallery)]
    joined = [torch.cat([*x.values()], dim=1).div_(3**0.5) for x in streams]
    times = in_turns(
        rounds,
        ours=partial(knn_predict_streams, *streams, labels),
        again=lambda: [
            *(knn_predict(queries[part], gallery, labels) for _ in range(3)),
            knn_predict(*joined, labels),
        ],
    )
    yield Figure(
        'knn',
        f'three modalities and their mean, {num_queries // 8:,} queries',
        **ratio(times, 'again'),
        against='multiplying again for the mean',
    )

    sizes = [num_entries // 4, num_entries // 2, num_entries]
    yield Growth(
        f'nearest neighbours of {num_queries // 8:,} queries (s)',
        'gallery',
        sizes,
        [
            seconds(partial(knn_predict, queries[part], gallery[:size], labels[:size]))
            for size in sizes
        ],
    )
