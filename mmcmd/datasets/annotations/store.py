"""The store of an annotation pickle: a file beside it with the same annotations, memory-mapped.

Unpickling a large file takes much time and memory, and a pickle of protocol 2 has no arrays that
could be mapped. So the first process that opens a pickle packs it into ``NAME.pkl.store``, and all
processes map that file. The store is a cache and may be removed at any time.
"""

import copyreg
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from filelock import FileLock
from mmengine.logging import print_log

from mmcmd.datasets.annotations.packing import PackedAnnotations, pack_annotations
from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.io.files import replace_file
from mmcmd.terminal import NOTICE

_OPENED: WeakValueDictionary[tuple[Path, bytes], PackedAnnotations] = WeakValueDictionary()


def store_path(path: str | os.PathLike) -> Path:
    """Return the path of the store of a pickle."""
    path = Path(path)
    return path.with_name(f'{path.name}.store')


def open_annotations(path: str | os.PathLike) -> PackedAnnotations:
    """Open the annotations of a pickle through its store. If there is no store, it is made.

    One process packs while the others wait. The store is made again if it is damaged, or if the
    size or the modification time of the pickle has changed. If no store can be written, for example
    in a read-only folder, a warning says so and the annotations are packed in memory. All calls
    with one file in one process return the same object.

    Args:
        path (str or PathLike): The pickle.

    Raises:
        InputError: In the same cases as :func:`load_annotations`, which reads the pickle.
    """
    path = Path(path)
    if not path.is_file():
        load_annotations(path)  # raises an error with the command that makes the file
    stamp = _stamp(path)
    key = path.resolve(), stamp
    if key not in _OPENED:
        opened = _mapped(path, stamp)
        _OPENED[key] = opened = _made(path, stamp) if opened is None else opened
    return _OPENED[key]


def _stamp(path: str | os.PathLike) -> bytes:
    status = os.stat(path)
    return f'{status.st_size:x} {status.st_mtime_ns:x}'.encode()


def _mapped(path: Path, stamp: bytes) -> PackedAnnotations | None:
    """Map the store; None if there is none, it is damaged, or it belongs to another pickle."""
    try:
        return PackedAnnotations(path, np.memmap(store_path(path), mode='r'), stamp)
    except (OSError, ValueError):  # a ValueError for an empty file, or a DamagedError
        return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Make other processes wait that need the same store."""
    lock = path.with_name(f'.{path.name}.store.lock')
    with FileLock(lock):
        try:
            yield
        finally:
            # The file is removed while the lock is held. A waiting process then notices that its
            # file is gone and locks a new one. After the release, the file could already be the
            # lock of another process.
            with suppress(OSError):
                lock.unlink()


def _made(path: Path, stamp: bytes) -> PackedAnnotations:
    """Map the store, and make it first if no other process has made it in the meantime."""
    data = None
    try:
        with _alone(path):
            opened = _mapped(path, stamp)
            if opened is None:
                print_log(f'packing {path} into {store_path(path)}, once', 'current', NOTICE)
                data = load_annotations(path)
                with replace_file(store_path(path)) as file:
                    pack_annotations(data, stamp, file)
                opened = _mapped(path, stamp)
        if opened is None:
            raise OSError(f'{store_path(path)} was written but cannot be mapped')
        return opened
    except OSError as error:
        print_log(
            f'{path} is loaded into memory, as no store can be kept beside it ({error})',
            'current',
            logging.WARNING,
        )
    file = io.BytesIO()
    pack_annotations(data or load_annotations(path), stamp, file)
    return PackedAnnotations(path, np.frombuffer(file.getbuffer(), np.uint8), stamp)


# Spawned workers receive a pickled data set. It holds the path in place of the annotations.
copyreg.pickle(PackedAnnotations, lambda packed: (open_annotations, (packed.path,)))
