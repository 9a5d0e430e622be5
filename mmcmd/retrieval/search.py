"""Search in an index: exact, by comparison with every entry, or approximate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mmcmd.errors import InputError
from mmcmd.evaluation.knn import BLOCK, nearest_entries
from mmcmd.retrieval.vectors import unit

if TYPE_CHECKING:
    from mmcmd.retrieval.index import MotionIndex


@dataclass(frozen=True)
class Neighbour:
    """An entry that a search found.

    Attributes:
        row (int): Row of the entry in the index.
        name (str): Its name.
        similarity (float): Cosine similarity to the query. For several streams, it is their mean.
        label (int): Its class, -1 if there is none.
        class_name (str): Name of its class; empty if there is none.
        fields (Mapping): Further metadata, such as ``subject``.
    """

    row: int
    name: str
    similarity: float
    label: int
    class_name: str
    fields: Mapping[str, Any]

    @property
    def distance(self) -> float:
        """Cosine distance, from 0 (the same direction) to 2."""
        return max(0.0, 1 - self.similarity)  # rounding could give -0.000


def search(
    index: 'MotionIndex',
    queries: Mapping[str, np.ndarray],
    k: int = 5,
    stream: str | None = None,
    without: Sequence[str] = (),
    exact: bool = True,
) -> list[list[Neighbour]]:
    """Find the nearest entries of queries.

    Args:
        index (MotionIndex): Index to search in.
        queries (Mapping[str, np.ndarray]): Features (N, D) by stream.
        k (int): Number of neighbours. An index with fewer entries returns all of them. Defaults
            to 5.
        stream (str, optional): Stream that is compared. By default all streams are compared
            together, by the mean of their similarities.
        without (Sequence[str]): Names of entries that are left out.
        exact (bool): If True, compare with every entry. If False, use the approximate index.
            Defaults to True.

    Returns:
        list[list[Neighbour]]: For each query its neighbours, the nearest first.

    Raises:
        InputError: If ``k`` is below 1, there is no such stream or entry, or the index has no
            approximate index.
    """
    if k < 1:
        raise InputError(f'k must be at least 1, got {k}')
    chosen = _choose(index, queries, stream)
    dropped = {index.row(name) for name in without}
    wanted = min(k + len(dropped), len(index))
    units = {name: unit(queries[name]) for name in chosen}
    if exact:
        similarities, rows = exact_rows(index.vectors, units, wanted)
    elif index.approximate is None:
        raise InputError(
            'this index has no approximate part; build it with approximate=True '
            '(mmcmd index build --approximate)'
        )
    else:
        similarities, rows = index.approximate.search(units, wanted)
    return [
        [
            index.neighbour(int(row), float(value))
            for value, row in zip(*pair, strict=True)
            if row >= 0 and row not in dropped
        ][:k]
        for pair in zip(similarities, rows, strict=True)
    ]


def exact_rows(
    vectors: Mapping[str, np.ndarray], queries: Mapping[str, np.ndarray], k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compare queries with every entry, block by block.

    Args:
        vectors (Mapping[str, np.ndarray]): Unit vectors (G, D) by stream; may be memory maps.
        queries (Mapping[str, np.ndarray]): Unit vectors (N, D) of some of the streams.
        k (int): Number of neighbours, at most G.

    Returns:
        tuple[np.ndarray, np.ndarray]: Similarities (the mean over the streams of the queries) and
        rows, each of shape (N, k).
    """
    gallery = {name: torch.from_numpy(vectors[name]) for name in queries}
    size = len(next(iter(queries.values())))
    similarities, rows = np.zeros((size, k), np.float32), np.zeros((size, k), np.int64)
    num_entries = max(BLOCK[1], BLOCK[0] * BLOCK[1] // max(size, 1))
    for first in range(0, size, BLOCK[0]):
        part = slice(first, first + BLOCK[0])
        chunk = {name: torch.from_numpy(x[part]) for name, x in queries.items()}
        # If there are several streams, the last result is for all streams together.
        values, found = list(nearest_entries(chunk, gallery, k, num_entries).values())[-1]
        similarities[part], rows[part] = (values / len(queries)).numpy(), found.numpy()
    return similarities, rows


def _choose(
    index: 'MotionIndex', queries: Mapping[str, np.ndarray], stream: str | None
) -> tuple[str, ...]:
    """Return the streams that are compared, and check their sizes.

    Raises:
        InputError: If a stream is missing, or its sizes differ.
    """
    streams = index.streams if stream in (None, index.fused) else (stream,)
    for name in streams:
        if name not in index.vectors or name not in queries:
            raise InputError(
                f'there is no stream {name!r} in both index and queries; the index has '
                f'{", ".join(index.streams)} (all: {index.fused}), the queries have '
                f'{", ".join(queries)}'
            )
        sizes = [x[name].shape[1] for x in (queries, index.vectors)]
        if sizes[0] != sizes[1]:
            raise InputError(
                f'features of stream {name!r} have size {sizes[0]}, but those of the index have '
                f'size {sizes[1]}'
            )
    return streams
