"""What could stand in for exact top-k in a long queue, with what it is worth."""

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
    """Take the best of each of B buckets, every B-th key, then the k best of those: (N, k)."""
    best, row = similarities.unflatten(1, (-1, buckets)).max(dim=1)
    column = exact(best, k)
    return row.gather(1, column) * buckets + column


def above_threshold(similarities: Tensor, k: int, sample: int) -> Tensor:
    """Find the k largest, exactly, among the keys above a threshold that a sample tells: (N, k).

    The threshold lies four standard deviations below where the sample has its share of k; a row
    in which fewer than k keys exceed it all the same is searched in full.
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
    """Draw embeddings (N, 128) and what another modality makes of the same samples.

    Args:
        number (int): N.
        classes (int): Clusters about which they lie; 0 spreads them over the sphere.
        generator (torch.Generator): Where the randomness comes from.
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
    """Tell the share of the exact neighbours that are found, and what the loss becomes."""
    marked = torch.zeros(teacher.shape, dtype=torch.bool).scatter_(1, wanted, True)
    recall = marked.gather(1, found).float().mean()
    new, old = (
        neighbour_kl(teacher.gather(1, index), student.gather(1, index), 0.05, 0.1)
        for index in (found, wanted)
    )
    return f'recall {100 * recall:.1f} %, loss {100 * (new / old - 1):+.2f} %'


def alternatives(queue_size: int, k: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return every way by name."""
    ways = {
        f'the best of each of {k * times:,} buckets': partial(bucket_best, k=k, buckets=k * times)
        for times in (2, 8, 32)
        if k * times < queue_size
    }
    sample = queue_size // 64
    return ways | {
        f'exact, above a threshold that {sample:,} keys tell': partial(
            above_threshold, k=k, sample=sample
        )
    }


def figures(queue_size: int, k: int, rounds: int) -> Iterator[Figure]:
    """Time every way beside the exact top-k, and tell what it finds."""
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
