"""Approximate search with FAISS, for millions of motions; the extra ``retrieval`` installs it."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from mmcmd.errors import InputError
from mmcmd.retrieval.search import exact_rows

if TYPE_CHECKING:
    from mmcmd.retrieval.index import MotionIndex

_PER_CELL = 40  # vectors with which k-means is trained, for each cell
_PROBES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_BLOCK = 65_536  # vectors that are added at a time


class ApproximateIndex:
    """An inverted file of a :class:`MotionIndex`: its vectors, sorted into cells by k-means.

    A search compares only the vectors in the nearest cells. If there are several streams, they are
    compared together: their unit vectors are concatenated.

    Args:
        index (faiss.Index): Trained index that holds all vectors.
        streams (tuple[str, ...]): The streams of the vectors.
        facts (Mapping): ``recall``, ``k``, ``probes`` and ``cells``, see :meth:`build`.
    """

    def __init__(self, index: Any, streams: tuple[str, ...], facts: Mapping[str, Any]) -> None:
        self.index, self.streams, self.facts = index, streams, dict(facts)

    @classmethod
    def build(
        cls,
        motions: 'MotionIndex',
        cells: int | None = None,
        recall: float = 0.95,
        k: int = 10,
        num_queries: int = 256,
        seed: int = 0,
    ) -> 'ApproximateIndex':
        """Build the inverted file, and choose the number of cells that a search uses.

        The recall is the share of the true k nearest entries that a search finds. Each query of its
        measurement lies in the middle between an entry and its nearest neighbour, so a query is
        never an entry itself.

        Args:
            motions (MotionIndex): The exact index.
            cells (int, optional): Number of cells of k-means. Defaults to twice the square root of
                the number of entries, or fewer if there are few entries.
            recall (float): Wanted recall. Defaults to 0.95.
            k (int): Number of neighbours for which the recall is measured. Defaults to 10.
            num_queries (int): Number of queries of the measurement. Defaults to 256.
            seed (int): Seed of k-means and of the choice of queries. Defaults to 0.

        Raises:
            InputError: If FAISS is not installed, or the index is empty.
        """
        faiss = import_faiss()
        size = len(motions)
        if not size:
            raise InputError('an empty index has no approximate part; add entries first')
        cells = max(min(cells or int(2 * size**0.5), size // _PER_CELL), 1)
        dims = sum(x.shape[1] for x in motions.vectors.values())
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dims), dims, cells, faiss.METRIC_INNER_PRODUCT)
        index.cp.seed, index.cp.niter = seed, 10
        index.cp.max_points_per_centroid = _PER_CELL
        rng = np.random.default_rng(seed)
        sample = np.sort(rng.permutation(size)[: _PER_CELL * cells])
        index.train(join({name: x[sample] for name, x in motions.vectors.items()}))
        for first in range(0, size, _BLOCK):
            part = slice(first, first + _BLOCK)
            index.add(join({name: x[part] for name, x in motions.vectors.items()}))
        made = cls(index, motions.streams, {'cells': cells, 'k': k})
        made._choose_probes(motions, recall, k, num_queries, rng)
        return made

    def _choose_probes(
        self, motions: 'MotionIndex', wanted: float, k: int, count: int, rng: np.random.Generator
    ) -> None:
        """Choose the smallest number of cells that gives the wanted recall. Store the recall."""
        rows = rng.choice(len(motions), min(count, len(motions)), replace=False)
        queries = {name: x[rows] for name, x in motions.vectors.items()}
        _, near = exact_rows(motions.vectors, queries, min(2, len(motions)))
        others = {name: x[near[:, -1]] for name, x in motions.vectors.items()}
        queries = {name: _middle(x, others[name]) for name, x in queries.items()}
        _, true = exact_rows(motions.vectors, queries, min(k, len(motions)))
        for probes in _PROBES:
            self.facts['probes'] = self.index.nprobe = min(probes, self.index.nlist)
            _, found = self.search(queries, true.shape[1])
            self.facts['recall'] = recall_of(found, true)
            if self.facts['recall'] >= wanted or probes >= self.index.nlist:
                return

    def search(self, queries: Mapping[str, np.ndarray], k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the neighbours of queries.

        Args:
            queries (Mapping[str, np.ndarray]): Unit vectors (N, D) by stream.
            k (int): Number of neighbours.

        Returns:
            tuple[np.ndarray, np.ndarray]: Similarities and rows, each of shape (N, k). If fewer
            neighbours are found, the remaining rows are -1.

        Raises:
            InputError: If the queries have other streams than the index.
        """
        if set(queries) != set(self.streams):
            raise InputError(
                f'the approximate index compares the streams {", ".join(self.streams)} together; '
                'use the exact search for one of them'
            )
        return self.index.search(join({name: queries[name] for name in self.streams}), k)

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        import_faiss().write_index(self.index, str(path))

    @classmethod
    def open(
        cls, path: Path, motions: 'MotionIndex', facts: Mapping[str, Any]
    ) -> 'ApproximateIndex':
        """Open a file that :meth:`save` wrote, memory-mapped.

        Raises:
            InputError: If FAISS is not installed, the file is damaged, or it does not belong to
                ``motions``.
        """
        faiss = import_faiss()
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
            index.nprobe = int(facts['probes'])
        except (RuntimeError, KeyError, AttributeError) as error:
            raise InputError(
                f'{path} is damaged: {" ".join(str(error).split())[:200]}; build the index again'
            ) from None
        if index.ntotal != len(motions):
            raise InputError(
                f'{path} has {index.ntotal} entries, but the index has {len(motions)}; build it '
                'again'
            )
        return cls(index, motions.streams, facts)


def recall_of(found: np.ndarray, true: np.ndarray) -> float:
    """Return the share of the true rows (N, k) that is among the found rows (N, k)."""
    hits = (found[:, :, None] == true[:, None, :]).any(axis=1)
    return float(hits.mean())


def join(vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Concatenate unit vectors of several streams.

    The inner product of two results is the mean of the inner products of the streams.

    Args:
        vectors (Mapping[str, np.ndarray]): Unit vectors (N, D) by stream.

    Returns:
        np.ndarray: Unit vectors, float32, shape (N, sum of D).
    """
    scale = np.float32(len(vectors) ** -0.5)
    return np.ascontiguousarray(np.concatenate([x * scale for x in vectors.values()], axis=1))


def _middle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    middle = first + second
    return middle / np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-12)


def import_faiss() -> ModuleType:
    """Import FAISS.

    Raises:
        InputError: If it is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise InputError(
            f'approximate search needs the package faiss-cpu ({error}): pip install '
            '"mmcmd[retrieval]"'
        ) from None
    return faiss
