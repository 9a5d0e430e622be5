"""Alternatives to an exact top-k in a long queue: their speed, recall and effect on the loss."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.harness import Figure, check_equal, in_turns, ratio
from mmcmd.models.functional import neighbour_kl


def exact(similarities: Tensor, k: int) -> Tensor:
    """Return the indices of the k largest of each row (N, Q): (N, k)."""
    return similarities.topk(k, dim=1, sorted=False).indices


def bucket_best(similarities: Tensor, k: int, buckets: int) -> Tensor:
    """Take the best key of each of B buckets, then the k best of these keys: (N, k).

    A bucket holds every B-th key.
    """
    best, row = similarities.unflatten(1, (-1, buckets)).max(dim=1)
    column = exact(best, k)
    return row.gather(1, column) * buckets + column


def above_threshold(similarities: Tensor, k: int, sample: int) -> Tensor:
    """Find exactly the k largest among the keys above a threshold: (N, k).

    The threshold comes from a sample of the keys. It is lower than the value at which k keys are
    expected above it, by four standard deviations of their number. If fewer than k keys of a row
    are above the threshold, all keys of that row are searched.
    """
    stride = similarities.shape[1] // sample
    share = k / stride
    rank = min(sample, round(share + 4 * share**0.5))
    thresholds = similarities[:, ::stride].topk(rank, dim=1).values[:, -1:]
    found = []
    for row, is_above in zip(similarities, similarities >= thresholds, strict=True):
        candidates = is_above.nonzero().squeeze(1)
        if len(candidates) < k:
            candidates = torch.arange(len(row))
        found.append(candidates[row[candidates].topk(k, sorted=False).indices])
    return torch.stack(found)


def embeddings(number: int, classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw embeddings (N, 128), and similar embeddings of the same samples in another modality.

    Args:
        number (int): Number N of embeddings.
        classes (int): Number of clusters. 0 spreads the embeddings over the whole sphere.
        generator (torch.Generator): Source of the random numbers.
    """
    normal = partial(torch.randn, generator=generator)
    first = normal(number, 128)
    if classes:
        centres = torch.randn(classes, 128, generator=torch.Generator().manual_seed(1))
        first = centres[torch.randint(classes, (number,), generator=generator)] + 0.7 * first
    return F.normalize(first), F.normalize(first + 0.5 * normal(number, 128))


def similarities(queue_size: int, classes: int) -> tuple[Tensor, Tensor]:
    """Return the similarities (64, Q) of a teacher and of a student to their queues."""
    generator = torch.Generator().manual_seed(0)
    batch = embeddings(64, classes, generator)
    queues = embeddings(queue_size, classes, generator)
    return tuple(x @ queue.T for x, queue in zip(batch, queues, strict=True))


def worth(found: Tensor, wanted: Tensor, teacher: Tensor, student: Tensor) -> str:
    """Return a text with the share of the exact neighbours that are found, and the new loss."""
    marked = torch.zeros(teacher.shape, dtype=torch.bool).scatter_(1, wanted, True)
    recall = marked.gather(1, found).float().mean()
    new, old = (
        neighbour_kl(teacher.gather(1, index), student.gather(1, index), 0.05, 0.1)
        for index in (found, wanted)
    )
    return f'recall {100 * recall:.1f} %, loss {100 * (new / old - 1):+.2f} %'


def alternatives(queue_size: int, k: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return all alternatives by name."""
    ways = {
        f'the best key of each of {k * times:,} buckets': partial(
            bucket_best, k=k, buckets=k * times
        )
        for times in (2, 8, 32)
        if k * times < queue_size
    }
    sample = queue_size // 64
    return ways | {
        f'exact, above a threshold from {sample:,} keys': partial(
            above_threshold, k=k, sample=sample
        )
    }


def figures(queue_size: int, k: int, rounds: int) -> Iterator[Figure]:
    """Time each alternative and the exact top-k in turns, and compare their results."""
    random, clustered = (similarities(queue_size, classes) for classes in (0, 60))
    for name, way in alternatives(queue_size, k).items():
        notes = []
        for kind, (teacher, student) in (('random', random), ('clustered', clustered)):
            found, wanted = way(teacher), exact(teacher, k)
            if name.startswith('exact'):
                check_equal(
                    teacher.gather(1, found).sort().values,
                    teacher.gather(1, wanted).sort().values,
                    f'neighbours above a threshold, {kind} embeddings',
                )
            notes.append(f'{kind}: {worth(found, wanted, teacher, student)}')
        times = in_turns(rounds, exact=partial(exact, random[0], k), this=partial(way, random[0]))
        yield Figure(
            'growth',
            f'top {k:,} of {queue_size:,} keys, batch 64: {name}',
            **ratio(times, 'exact', under='this'),
            against='exact `topk` over the whole queue',
            note='; '.join(notes),
        )
