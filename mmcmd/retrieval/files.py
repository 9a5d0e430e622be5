"""Read and write the folder of an index: vectors, names, labels and metadata."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np

from mmcmd.errors import InputError

if TYPE_CHECKING:
    from mmcmd.retrieval.index import MotionIndex

DESCRIPTION = 'index.json'
APPROXIMATE = 'approximate.faiss'
VERSION = 1
_KINDS = {'names': 'S', 'labels': 'i', 'lines': 'i'}


class StoredFields(Sequence[Mapping[str, Any]]):
    """Metadata of the entries, read from the disk one by one.

    Args:
        path (Path): File with one JSON object per line.
        ends (np.ndarray): Position in bytes at which each line ends, shape (G,).

    Raises:
        ValueError: If the file has another length.
    """

    def __init__(self, path: Path, ends: np.ndarray) -> None:
        self._bytes = np.memmap(path, mode='r') if len(ends) and ends[-1] else np.zeros(0, np.uint8)
        if len(ends) and ends[-1] != len(self._bytes):
            raise ValueError(f'{path.name} has {len(self._bytes)} bytes, expected {ends[-1]}')
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: Any) -> Any:
        row = range(len(self))[row]
        start = self._ends[row - 1] if row else 0
        return json.loads(self._bytes[start : self._ends[row]].tobytes())


def write_index(folder: str | os.PathLike, index: 'MotionIndex') -> None:
    """Write an index to a folder. The folder appears complete, and replaces an older index.

    Args:
        folder (str or PathLike): Folder to write.
        index (MotionIndex): The index.

    Raises:
        InputError: If the path exists and is not an index.
    """
    folder = Path(folder)
    if folder.exists() and not (folder / DESCRIPTION).is_file():
        raise InputError(f'{folder} exists and is not an index; give the name of a new folder')
    folder.parent.mkdir(parents=True, exist_ok=True)
    mark = token_hex(8)
    part, old = (folder.with_name(f'.{folder.name}.{mark}.{end}') for end in ('part', 'old'))
    part.mkdir()
    try:
        _write_parts(part, index)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
    finally:
        for left in (part, old):
            shutil.rmtree(left, ignore_errors=True)


def _write_parts(folder: Path, index: 'MotionIndex') -> None:
    for number, vectors in enumerate(index.vectors.values()):
        np.save(folder / f'vectors_{number}.npy', vectors, allow_pickle=False)
    np.save(folder / 'names.npy', np.array([x.encode() for x in index.names], 'S'))
    np.save(folder / 'labels.npy', index.labels)
    ends, size = np.zeros(len(index), np.int64), 0
    with (folder / 'fields.jsonl').open('wb') as file:
        for row, fields in enumerate(index.fields):
            size += file.write(json.dumps(dict(fields)).encode() + b'\n')
            ends[row] = size
    np.save(folder / 'lines.npy', ends)
    if index.approximate is not None:
        index.approximate.save(folder / APPROXIMATE)
    description = {
        'version': VERSION,
        'entries': len(index),
        'streams': {name: x.shape[1] for name, x in index.vectors.items()},
        'hashes': index.hashes,
        'classes': index.classes,
        'facts': index.facts,
        'approximate': None if index.approximate is None else index.approximate.facts,
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + '\n')


def read_description(folder: str | os.PathLike) -> dict[str, Any]:
    """Return the description of an index, from its file ``index.json``.

    Raises:
        InputError: If the folder is not an index, or an index of another version.
    """
    path = Path(folder, DESCRIPTION)
    if not path.is_file():
        raise InputError(
            f'{folder} is not an index (it has no {DESCRIPTION}); make one with: '
            'mmcmd index build CHECKPOINT FILE.pkl --out FOLDER'
        )
    try:
        said = json.loads(path.read_bytes())
        version = said['version']
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f'{path} is damaged: {error}; build the index again') from None
    if version != VERSION:
        raise InputError(
            f'{folder} is an index of version {version}, but this program reads version {VERSION}; '
            'build it again'
        )
    return said


def read_index(folder: str | os.PathLike) -> dict[str, Any]:
    """Return the arguments of a :class:`MotionIndex`. The vectors are memory-mapped.

    Raises:
        InputError: If the folder is not an index, or a part is missing or damaged.
    """
    folder = Path(folder)
    said = read_description(folder)
    try:
        size, streams = said['entries'], said['streams']
        vectors = dict(_vectors(folder, size, streams))
        names, labels, ends = (_part(folder, name, size) for name in _KINDS)
        return {
            'vectors': vectors,
            'names': [x.decode() for x in names.tolist()],
            'labels': labels,
            'fields': StoredFields(folder / 'fields.jsonl', ends),
            'classes': said['classes'],
            'hashes': said['hashes'],
            'facts': said['facts'],
        }
    except (ValueError, KeyError, TypeError, OSError, EOFError) as error:
        raise InputError(f'the index {folder} is damaged ({error}); build it again') from None


def _vectors(
    folder: Path, size: int, streams: Mapping[str, int]
) -> Iterator[tuple[str, np.ndarray]]:
    for number, (stream, dims) in enumerate(streams.items()):
        # The mode 'c' never writes to the file. With 'r', torch warns that the array is read-only.
        path = folder / f'vectors_{number}.npy'
        vectors = np.load(path, mmap_mode='c' if size else None, allow_pickle=False)
        if vectors.shape != (size, dims) or vectors.dtype != np.float32:
            raise ValueError(f'{path.name} holds {vectors.dtype} {vectors.shape}')
        yield stream, vectors


def _part(folder: Path, name: str, size: int) -> np.ndarray:
    array = np.load(folder / f'{name}.npy', allow_pickle=False)
    if array.shape != (size,) or array.dtype.kind != _KINDS[name]:
        raise ValueError(f'{name}.npy holds {array.dtype} {array.shape}')
    return array


def read_approximate(folder: Path, said: dict[str, Any], index: 'MotionIndex') -> Any:
    """Return the :class:`ApproximateIndex` of an index with this description; None if it has none.

    Raises:
        InputError: If FAISS is not installed, or the file is damaged.
    """
    facts = said.get('approximate')
    if facts is None:
        return None
    from mmcmd.retrieval.approximate import ApproximateIndex

    return ApproximateIndex.open(folder / APPROXIMATE, index, facts)
