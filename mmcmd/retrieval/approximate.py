"""Approximate search by FAISS, for galleries of millions; the extra ``retrieval`` installs it."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from mmcmd.errors import InputError
from mmcmd.retrieval.search import exact_rows

if TYPE_CHECKING:
    from mmcmd.retrieval.index import MotionIndex

_PER_CELL = 40  # vectors that k-means gets for each cell
_PROBES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_BLOCK = 65_536  # vectors that are added at a time


class ApproximateIndex:
    """An inverted file of a :class:`MotionIndex`: its vectors, sorted into cells by k-means.

    A search looks into the nearest cells only. Several streams are compared together: their unit
    vectors are joined to one.

    Args:
        index (faiss.Index): Trained and filled.
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
        """Build the inverted file, and choose how many cells a search looks into.

        The recall is the share of the true k nearest entries that is found. It is measured on
        entries of the index, each between two neighbours: a query is never an entry itself.

        Args:
            motions (MotionIndex): The exact index.
            cells (int, optional): Cells of k-means. Defaults to twice the root of the number of
                entries, or fewer if there are few entries.
            recall (float): Wanted recall. Defaults to 0.95.
            k (int): Neighbours of which the recall is measured. Defaults to 10.
            num_queries (int): Queries of the measurement. Defaults to 256.
            seed (int): Of k-means and of the choice of queries. Defaults to 0.

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
        """Look into as few cells as give the wanted recall, and note the recall."""
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
        """Find neighbours of unit vectors (N, D) by stream.

        Returns:
            tuple[np.ndarray, np.ndarray]: Similarities and rows, each (N, k). Where fewer are
            found, the row is -1.

        Raises:
            InputError: If the queries have other streams than the index.
        """
        if set(queries) != set(self.streams):
            raise InputError(
                f'the approximate index compares the streams {", ".join(self.streams)} together; '
                'search exactly for one of them'
            )
        return self.index.search(join({name: queries[name] for name in self.streams}), k)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        import_faiss().write_index(self.index, str(path))

    @classmethod
    def open(
        cls, path: Path, motions: 'MotionIndex', facts: Mapping[str, Any]
    ) -> 'ApproximateIndex':
        """Open a file that :meth:`save` wrote, memory-mapped.

        Raises:
            InputError: If FAISS is not installed, or the file is not of this index.
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
                f'{path} has {index.ntotal} entries, the index {len(motions)}; build it again'
            )
        return cls(index, motions.streams, facts)


def recall_of(found: np.ndarray, true: np.ndarray) -> float:
    """Return the share of the true rows (N, k) that is among the rows found (N, k)."""
    hits = (found[:, :, None] == true[:, None, :]).any(axis=1)
    return float(hits.mean())


def join(vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Join unit vectors (N, D) of several streams, so that a product is the mean of theirs."""
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
