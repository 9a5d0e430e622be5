"""The store beside an annotation pickle: the same annotations, memory-mapped.

Unpickling takes as long and as much memory as there are annotations, and a pickle of protocol 2
holds no bytes that could be mapped. So the first process that opens a pickle packs it into
``NAME.pkl.store``, and all others map that. It is a cache and may be removed at any time.
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

_OPENED: WeakValueDictionary[tuple[Path, bytes], PackedAnnotations] = WeakValueDictionary()


def store_path(path: str | os.PathLike) -> Path:
    """Return where the store of a pickle is kept."""
    path = Path(path)
    return path.with_name(f'{path.name}.store')


def open_annotations(path: str | os.PathLike) -> PackedAnnotations:
    """Open the annotations of a pickle through its store, which is made where it is not there.

    One process packs while others wait. A store that is damaged, or is not of the pickle's present
    size and time of modification, is made anew. Where none can be kept, as in a folder that is
    read-only, a warning says so and the annotations are packed in memory. All who open a file in
    one process get the same object.

    Args:
        path (str or PathLike): The pickle.

    Raises:
        InputError: As :func:`load_annotations`, which reads the pickle.
    """
    path = Path(path)
    if not path.is_file():
        load_annotations(path)  # says which command makes it
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
    """Map the store; None if there is none, or none that is whole and of this pickle."""
    try:
        return PackedAnnotations(path, np.memmap(store_path(path), mode='r'), stamp)
    except (OSError, ValueError):  # of an empty file, or a DamagedError
        return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let other processes wait that want the same store."""
    lock = path.with_name(f'.{path.name}.store.lock')
    with FileLock(lock):
        try:
            yield
        finally:
            # While it is held: a process that waits sees that its file has no name any more, and
            # locks a new one. Removed after the release, it could be the file of the next holder.
            with suppress(OSError):
                lock.unlink()


def _made(path: Path, stamp: bytes) -> PackedAnnotations:
    """Make the store, unless another process has done so meanwhile, and map it."""
    data = None
    try:
        with _alone(path):
            opened = _mapped(path, stamp)
            if opened is None:
                print_log(f'packing {path} into {store_path(path)}, once', 'current')
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


# Data sets go to workers that are spawned with the path of their annotations.
copyreg.pickle(PackedAnnotations, lambda packed: (open_annotations, (packed.path,)))
