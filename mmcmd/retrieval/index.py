"""An index of encoded motions, which is searched by cosine similarity."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.errors import InputError, did_you_mean
from mmcmd.retrieval import files
from mmcmd.retrieval.search import Neighbour, search
from mmcmd.retrieval.vectors import combine, unit


class MotionIndex:
    """Unit vectors of motions by stream, with names, labels and metadata.

    Args:
        vectors (Mapping[str, np.ndarray]): Features (G, D) by stream. Each row is divided by its
            length.
        names (Sequence[str]): Names of the entries. They must differ.
        labels (np.ndarray, optional): Classes, or -1 for an entry without a class, shape (G,).
        fields (Sequence[Mapping], optional): Metadata of each entry, as plain data.
        classes (Sequence[str]): Names of the classes.
        hashes (Mapping[str, str], optional): Hash of each stream's encoder. Without hashes, the
            index accepts every encoder.
        facts (Mapping, optional): Metadata of the whole gallery, such as its source.
        normalized (bool): The vectors are already unit vectors. Defaults to False.

    Raises:
        InputError: If the parts differ in length, or two entries have the same name.
    """

    def __init__(
        self,
        vectors: Mapping[str, np.ndarray],
        names: Sequence[str],
        labels: np.ndarray | None = None,
        fields: Sequence[Mapping[str, Any]] | None = None,
        classes: Sequence[str] = (),
        hashes: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
        normalized: bool = False,
    ) -> None:
        self.vectors = {name: x if normalized else unit(x) for name, x in vectors.items()}
        self.names = list(names)
        size = len(self.names)
        self.labels = np.full(size, UNLABELLED) if labels is None else np.asarray(labels, np.int64)
        self.fields = fields if fields is not None else [{}] * size
        self.classes, self.hashes = list(classes), dict(hashes or {})
        self.facts = dict(facts or {})
        self._approximate: Any = None
        self._origin: tuple[Path, dict] | None = None  # where an approximate part may be
        lengths = {len(x) for x in (*self.vectors.values(), self.labels, self.fields)}
        if lengths != {size} or not self.vectors:
            raise InputError(
                f'an index needs as many vectors, labels and fields as names ({size}), got '
                f'{sorted(lengths)}'
            )
        if len(self._rows) != size:
            twice = next(x for row, x in enumerate(self.names) if self._rows[x] != row)
            raise InputError(f'two entries of the index are called {twice!r}; names must differ')

    @classmethod
    def open(
        cls, folder: str | os.PathLike, hashes: Mapping[str, str] | None = None
    ) -> 'MotionIndex':
        """Open an index, memory-mapped: vectors are read from the disk when they are needed.

        Args:
            folder (str or PathLike): Folder that :meth:`save` wrote.
            hashes (Mapping[str, str], optional): Hashes of the encoder that makes the queries.

        Raises:
            InputError: If the folder is not an index, is damaged, or was made by another encoder.
        """
        parts = files.read_index(folder)
        index = cls(**parts, normalized=True)
        if hashes is not None:
            index.check_encoder(hashes, str(folder))
        index._origin = Path(folder).resolve(), files.read_description(folder)
        return index

    @property
    def approximate(self) -> Any:
        """The :class:`ApproximateIndex`, or None. Its file is read when it is first needed.

        Raises:
            InputError: If FAISS is not installed, the file is damaged, or the folder has changed
                since the index was opened.
        """
        if self._origin is not None:
            folder, known = self._origin
            if files.read_description(folder) != known:
                raise InputError(f'{folder} has changed since it was opened; open the index again')
            self._approximate, self._origin = files.read_approximate(folder, known, self), None
        return self._approximate

    def build_approximate(self, recall: float = 0.95, k: int = 10) -> dict[str, Any]:
        """Add an approximate index, which ``search(exact=False)`` uses.

        Args:
            recall (float): Share of the true k nearest entries that a search should find. Defaults
                to 0.95.
            k (int): Number of neighbours for which the recall is measured. Defaults to 10.

        Returns:
            dict: Measured ``recall``, ``k``, the number of ``cells``, and the number of cells that
            a search uses (``probes``).

        Raises:
            InputError: If FAISS is not installed, or the index is empty.
        """
        from mmcmd.retrieval.approximate import ApproximateIndex

        self._approximate, self._origin = ApproximateIndex.build(self, recall=recall, k=k), None
        return self._approximate.facts

    def save(self, folder: str | os.PathLike) -> None:
        """Write the index to a folder. An older index in this folder is replaced.

        Raises:
            InputError: If the path exists and is not an index.
        """
        files.write_index(folder, self)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams."""
        return tuple(self.vectors)

    @property
    def fused(self) -> str:
        """Name of all streams together: ``'{n}s'``, or the name of the only stream."""
        return self.streams[0] if len(self.streams) == 1 else f'{len(self.streams)}s'

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.names)}

    def check_encoder(self, hashes: Mapping[str, str], source: str = 'the index') -> None:
        """Check that an encoder is the one that made the index.

        Args:
            hashes (Mapping[str, str]): Hash of each stream of the encoder.
            source (str): Name of the index in the message.

        Raises:
            InputError: If the encoder lacks a stream of the index, or its hash differs.
        """
        for stream in self.streams:
            if stream not in hashes:
                raise InputError(
                    f'{source} has the stream {stream!r}, but the encoder has only '
                    f'{", ".join(hashes)}; give the checkpoint that made the index'
                )
            made_by = self.hashes.get(stream)
            if made_by not in (None, hashes[stream]):
                raise InputError(
                    f'{source} was made by another checkpoint (its encoder {stream!r} has the hash '
                    f'{made_by}, this one has {hashes[stream]}), and their features cannot be '
                    'compared; build the index again with this checkpoint'
                )

    def row(self, name: str) -> int:
        """Return the row of an entry.

        Raises:
            InputError: If there is no entry with this name.
        """
        if name not in self._rows:
            near = did_you_mean(name, self.names[:10_000])
            raise InputError(f'the index has no entry {name!r}{near}')
        return self._rows[name]

    def class_name(self, label: int) -> str:
        """Return the name of a class; ``'class N'`` if it is not known, and '' for label -1."""
        if label == UNLABELLED:
            return ''
        return self.classes[label] if label < len(self.classes) else f'class {label}'

    def add(self, more: 'MotionIndex') -> 'MotionIndex':
        """Return a new index with the entries of this index, then those of another index.

        Args:
            more (MotionIndex): The other index.

        Raises:
            InputError: If both have an entry of the same name, the other index lacks a stream or
                has features of another size, or another encoder made it.
        """
        if more.hashes:
            self.check_encoder(more.hashes, 'the index')
        for stream, old in self.vectors.items():
            new = more.vectors.get(stream)
            if new is None or new.shape[1] != old.shape[1]:
                raise InputError(
                    f'the index has features of size {old.shape[1]} in stream {stream!r}, but the '
                    f'new entries have {"none" if new is None else f"size {new.shape[1]}"}'
                )
        return MotionIndex(
            {x: np.concatenate([y, more.vectors[x]]) for x, y in self.vectors.items()},
            self.names + more.names,
            np.concatenate([self.labels, more.labels]),
            [*self.fields, *more.fields],
            *(self.classes or more.classes, self.hashes, self.facts),
            normalized=True,
        )

    def remove(self, names: Sequence[str]) -> 'MotionIndex':
        """Return a new index without some entries.

        Args:
            names (Sequence[str]): Names of the entries to leave out.

        Raises:
            InputError: If there is no entry with a name.
        """
        dropped = {self.row(name) for name in names}
        kept = [row for row in range(len(self)) if row not in dropped]
        return self.select(kept)

    def select(self, rows: Sequence[int] | np.ndarray) -> 'MotionIndex':
        """Return a new index with some rows, in the given order."""
        return MotionIndex(
            {stream: x[rows] for stream, x in self.vectors.items()},
            [self.names[row] for row in rows],
            self.labels[rows],
            [self.fields[row] for row in rows],
            *(self.classes, self.hashes, self.facts),
            normalized=True,
        )

    def search(
        self,
        queries: Mapping[str, np.ndarray],
        k: int = 5,
        stream: str | None = None,
        without: Sequence[str] = (),
        exact: bool = True,
    ) -> list[list[Neighbour]]:
        """Find the nearest entries of queries, see :func:`mmcmd.retrieval.search.search`."""
        return search(self, queries, k, stream, without, exact)

    def neighbour(self, row: int, similarity: float) -> Neighbour:
        """Return the entry of a row as a result of a search."""
        label = int(self.labels[row])
        fields = self.fields[row]
        return Neighbour(row, self.names[row], similarity, label, self.class_name(label), fields)

    def entry(self, name: str) -> dict[str, np.ndarray]:
        """Return the unit vectors (1, D) of an entry by stream, for use as a query.

        Raises:
            InputError: If there is no entry with this name.
        """
        row = self.row(name)
        return {stream: np.array(x[row : row + 1]) for stream, x in self.vectors.items()}

    def of_class(self, label: int | str) -> dict[str, np.ndarray]:
        """Return the mean vectors (1, D) of a class by stream, for use as a query.

        Args:
            label (int | str): Class number or name.

        Raises:
            InputError: If there is no such class, or no entry has it.
        """
        if isinstance(label, str):
            if label not in self.classes:
                near = did_you_mean(label, self.classes)
                known = ', '.join(self.classes) or 'none'
                raise InputError(f'there is no class {label!r}{near}; the classes are {known}')
            label = self.classes.index(label)
        rows = np.flatnonzero(self.labels == label)
        if label == UNLABELLED or not len(rows):
            raise InputError(f'the index has no entry of class {label}')
        return combine({stream: x[rows] for stream, x in self.vectors.items()})
