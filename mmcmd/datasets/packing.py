"""Annotations packed into one stretch of bytes, which opens at once and which processes share.

First come the coordinates of all samples, each at a multiple of 64 bytes and of its own dtype, then
an index (``.npz`` of plain arrays), then a footer: a magic number, the length of the index, and the
stamp of what was packed.
"""

import io
import logging
import math
import pickle
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.safe_pickle import load_plain
from mmcmd.errors import InputError

_MAGIC = b'mmcmd\x00\x00\x01'  # the last byte is the version of the format
_FOOTER = struct.Struct('<8sQ32s')
_ALIGNMENT = 64
_ROW = np.dtype(
    [
        # where the sample's coordinates, name and other entries begin, and their bytes
        *((name, '<i8') for name in ('place', 'name', 'other', 'size', 'name_size', 'other_size')),
        ('checksum', '<u8'),  # the sum of the words of the coordinates
        ('dtype', '<i8'),
        *((name, '<i8') for name in ('persons', 'frames', 'joints', 'channels', 'label')),
    ]
)
_REQUIRED = {'frame_dir', 'label', 'keypoint', 'total_frames'}


class DamagedError(ValueError):
    """Packed annotations are not whole, or not those of the stamp."""


def _words(array: np.ndarray) -> np.ndarray:
    """Copy an array's bytes, zeros after them, to a whole number of aligned 8-byte words."""
    words = np.zeros(-(-array.nbytes // _ALIGNMENT) * _ALIGNMENT // 8, np.uint64)
    words.view(np.uint8)[: array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return words


def _joined(parts: Iterable[bytes]) -> np.ndarray:
    return np.frombuffer(b''.join(parts), np.uint8)


def pack_annotations(data: dict[str, Any], stamp: bytes, file: IO[bytes]) -> None:
    """Write annotations that :class:`PackedAnnotations` reads.

    Args:
        data (dict): As :func:`mmcmd.datasets.annotations.load_annotations` returns it.
        stamp (bytes): At most 32 bytes that say what was packed.
        file (IO[bytes]): Opened for writing in binary mode.
    """
    samples, dtypes = data['annotations'], {}
    names = [sample['frame_dir'].encode() for sample in samples]
    others = [{key: x for key, x in sample.items() if key not in _REQUIRED} for sample in samples]
    others = [pickle.dumps(x, 4) if x else b'' for x in others]
    rows = np.zeros(len(samples), _ROW)
    places = [0, 0, 0]
    for index, sample in enumerate(samples):
        keypoint = sample['keypoint']
        words = _words(keypoint)
        file.write(words.data)
        code = dtypes.setdefault(keypoint.dtype.str, len(dtypes))
        sizes = words.nbytes, len(names[index]), len(others[index])
        rows[index] = (*places, *sizes, words.sum(), code, *keypoint.shape, sample['label'])
        places = [place + size for place, size in zip(places, sizes, strict=True)]

    splits = {split: set(members) for split, members in data['split'].items()}
    known = [sample['frame_dir'] for sample in samples]
    absent = {split: len(members.difference(known)) for split, members in splits.items()}
    facts = {key: value for key, value in data.items() if key not in ('split', 'annotations')}
    index = io.BytesIO()
    np.savez(
        index,
        rows=rows,
        names=_joined(names),
        others=_joined(others),
        member=np.array([[name in members for name in known] for members in splits.values()], bool),
        header=_joined([pickle.dumps((facts, absent, list(dtypes)), 4)]),
    )
    file.write(index.getbuffer())
    file.write(_FOOTER.pack(_MAGIC, index.tell(), stamp))


def _plain(raw: np.ndarray) -> Any:
    return load_plain(io.BytesIO(raw.tobytes()))


class PackedAnnotations:
    """Annotations that are read one at a time out of bytes that never change.

    Args:
        path (str or PathLike): The pickle to name in messages.
        raw (np.ndarray): uint8, what :func:`pack_annotations` wrote; may be a memory map.
        stamp (bytes): It must be that which was written.

    Attributes:
        facts (dict): What the pickle holds besides splits and annotations, such as ``layout``.
        labels (np.ndarray): int64, shape (N,).
        num_joints (np.ndarray): int64, shape (N,).

    Raises:
        DamagedError: If the bytes are not whole, or the stamp is another.
    """

    def __init__(self, path: Path, raw: np.ndarray, stamp: bytes) -> None:
        self.path = path
        self._raw = raw.view(np.ndarray)  # a memmap takes its time over each slice
        try:
            magic, index_size, found = _FOOTER.unpack(raw[-_FOOTER.size :].tobytes())
            if magic != _MAGIC or found.rstrip(b'\0') != stamp:
                raise DamagedError('another format or stamp')
            index = raw[-_FOOTER.size - index_size : -_FOOTER.size].tobytes()
            with np.load(io.BytesIO(index), allow_pickle=False) as arrays:
                self._index = dict(arrays)  # each has a CRC in the zip archive
            self.facts, self._absent, dtypes = _plain(self._index['header'])
            self._dtypes = [np.dtype(code) for code in dtypes]
            if not all(dtype.kind in 'fiu' for dtype in self._dtypes):
                raise DamagedError('not numbers')
            self._rows = self._index['rows'].astype(_ROW, casting='no', copy=False)
            if self._rows['size'].sum() + index_size + _FOOTER.size != len(raw):
                raise DamagedError('another size')
        except Exception as error:  # of any kind, from bytes that may be anything
            raise DamagedError(f'{path}: its packed annotations are damaged: {error}') from None
        self.labels = self._rows['label'].copy()
        self.num_joints = self._rows['joints'].copy()

    def __len__(self) -> int:
        return len(self.labels)

    def __deepcopy__(self, memo: dict) -> 'PackedAnnotations':
        return self

    def name(self, row: int) -> str:
        """Return the name of a sample."""
        place, size = self._rows[['name', 'name_size']][row].item()
        return self._index['names'][place : place + size].tobytes().decode()

    def select(self, split: str | None) -> np.ndarray:
        """Return the rows of the samples of a split, in the order of the file.

        Args:
            split (str or None): Such as ``xsub_train``; None is all annotations.

        Raises:
            InputError: If there is no such split (lists those there are), or it is empty.
        """
        if split is None:
            rows = np.arange(len(self))
        elif split in self._absent:
            rows = np.flatnonzero(self._index['member'][list(self._absent).index(split)])
            if len(rows) and self._absent[split]:
                print_log(
                    f'{self.path}: {self._absent[split]} names of {split} have no annotation',
                    'current',
                    logging.WARNING,
                )
        else:
            known = ', '.join(sorted(self._absent)) or 'none'
            raise InputError(f'{self.path} has no split {split!r}; its splits: {known}')
        if not len(rows):
            raise InputError(f'{self.path}: split {split!r} has no samples')
        return rows

    def __getitem__(self, row: int) -> dict[str, Any]:
        """Return one annotation, whose arrays are the caller's own.

        Raises:
            InputError: If its coordinates are not those that were packed.
        """
        place, name, other, size, name_size, other_size, checksum, code, *shape, label = self._rows[
            row
        ].item()
        name = self._index['names'][name : name + name_size].tobytes().decode()
        words = self._raw[place : place + size].view(np.uint64).copy()
        if np.add.reduce(words) != checksum:
            raise InputError(
                f'{self.path}: the packed coordinates of {name} are damaged; remove '
                f'{self.path.name}.store, and they are packed anew'
            )
        keypoint = words.view(self._dtypes[code])[: math.prod(shape)].reshape(shape)
        more = _plain(self._index['others'][other : other + other_size]) if other_size else {}
        return dict(more, frame_dir=name, label=label, keypoint=keypoint, total_frames=shape[1])
