"""Archives of numpy arrays from strangers: claims are checked first, and rows read one by one."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from mmcmd.errors import InputError

_MAX_INFLATION = 200  # recordings compress to a half or a tenth
_SMALL = 1 << 28  # bytes that are no danger however they inflate
_BROKEN = (
    *(AttributeError, EOFError, KeyError, NotImplementedError, OSError, RuntimeError),
    *(TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)


class Archive:
    """An open ``.npz`` file.

    Args:
        path (Path): The file, for messages.
        members (ZipFile): It, opened.
    """

    def __init__(self, path: Path, members: zipfile.ZipFile) -> None:
        self.path = path
        self._members = members

    def __contains__(self, key: str) -> bool:
        return f'{key}.npy' in self._members.namelist()

    def header(self, key: str) -> tuple[tuple[int, ...], np.dtype]:
        """Return shape and dtype of an array, after checking that the file holds as much.

        Raises:
            InputError: If there is no such array, or it is not one of numbers or text.
        """
        with self._open(key) as (_, shape, _, dtype):
            return shape, dtype

    def load(self, key: str) -> np.ndarray:
        """Load an array.

        Raises:
            InputError: As :meth:`header`, or if it is damaged or inflates beyond reason.
        """
        info = self._info(key)
        if info.file_size > max(_SMALL, _MAX_INFLATION * info.compress_size):
            raise InputError(
                f'{self.path}: {key} would inflate from {info.compress_size:,} to '
                f'{info.file_size:,} bytes, which no recording does'
            )
        with self._open(key) as (file, shape, fortran, dtype):
            flat = np.frombuffer(file.read(), dtype, count=prod(shape))
            return flat.reshape(shape, order='F' if fortran else 'C')

    def rows(self, key: str) -> Iterator[np.ndarray]:
        """Read an array row by row, so that no more than a row is ever in memory.

        Raises:
            InputError: As :meth:`load`.
        """
        with self._open(key) as (file, (num_rows, *shape), fortran, dtype):
            if fortran:
                raise InputError(f'{self.path}: {key} is in Fortran order, expected row by row')
            size = prod(shape) * dtype.itemsize
            for _ in range(num_rows):
                yield np.frombuffer(file.read(size), dtype, count=prod(shape)).reshape(shape)

    def _info(self, key: str) -> zipfile.ZipInfo:
        try:
            return self._members.getinfo(f'{key}.npy')
        except KeyError:
            raise InputError(f'{self.path} has no array {key!r}') from None

    @contextmanager
    def _open(self, key: str) -> Iterator[tuple[IO[bytes], tuple[int, ...], bool, np.dtype]]:
        """Open a member behind its header: file, shape, whether Fortran order, dtype."""
        info = self._info(key)
        try:
            with self._members.open(info) as file:
                version = np.lib.format.read_magic(file)
                if version == (1, 0):
                    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
                else:
                    shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
                size = info.file_size - file.tell()
                if dtype.kind not in 'biufU' or size != prod(shape) * dtype.itemsize:
                    raise InputError(
                        f'{self.path}: {key} claims {shape} of {dtype} and holds {size:,} bytes'
                    )
                yield file, shape, fortran, dtype
        except InputError:
            raise
        except _BROKEN as error:
            raise InputError(f'{self.path}: {key} is not a whole plain array: {error}') from None


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an ``.npz`` file.

    Raises:
        InputError: If it is not one.
    """
    try:
        members = zipfile.ZipFile(path)
    except _BROKEN:
        raise InputError(f'{path} is not an .npz file of plain arrays') from None
    with members:
        yield Archive(path, members)
