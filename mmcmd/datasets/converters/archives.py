"""Read files of numpy arrays from untrusted sources: check the headers, then read row by row."""

import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from mmcmd.errors import InputError
from mmcmd.io.safe_pickle import check_text

_MAX_INFLATION = 200  # highest ratio of unpacked to packed size; for recordings it is 2 to 10
_SMALL = 1 << 28  # bytes; an array up to this size may have any ratio
_LONGEST_HEADER = 10_000  # bytes, numpy's own limit
_BROKEN = (
    *(AttributeError, EOFError, KeyError, NotImplementedError, OSError, OverflowError),
    *(RuntimeError, TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)

# The dict of a header as numpy writes it. numpy itself parses it as Python code, which can fail in
# many ways.
_HEADER = re.compile(
    rb"""\{\s*'descr'\s*:\s*'([<>|=]?[biufU][0-9]{1,5})'\s*,"""
    rb"""\s*'fortran_order'\s*:\s*(True|False)\s*,"""
    rb"""\s*'shape'\s*:\s*\(((?:\s*[0-9]{1,18}L?\s*,)*(?:\s*[0-9]{1,18}L?)?)\s*\)\s*,?\s*\}\s*"""
)

Header = tuple[tuple[int, ...], bool, np.dtype]


def read_header(file: IO[bytes]) -> Header:
    """Read the header of an ``.npy`` file: shape, whether in Fortran order, dtype.

    Args:
        file (IO[bytes]): The file, at the beginning of the header.

    Raises:
        ValueError: If there is no header, or it describes anything but numbers or text.
    """
    version = np.lib.format.read_magic(file)
    length = int.from_bytes(file.read(2 if version == (1, 0) else 4), 'little')
    if length > _LONGEST_HEADER:
        raise ValueError(f'its header is {length:,} bytes long')
    header = _HEADER.fullmatch(file.read(length))
    if header is None:
        raise ValueError('its header is not that of an array of numbers or text')
    shape = tuple(int(number) for number in re.findall(rb'[0-9]+', header[3]))
    dtype = np.dtype(header[1].decode())
    if not dtype.itemsize:
        raise ValueError('its items have no size')
    return shape, header[2] == b'True', dtype


def map_array(path: Path, kinds: str) -> np.ndarray:
    """Map an ``.npy`` file into memory without reading it.

    Args:
        path (Path): The file.
        kinds (str): Kinds of dtype that are accepted, such as ``'iu'`` (numpy's letters).

    Raises:
        InputError: If it is not such a file, or it is shorter than its header says.
    """
    if not path.is_file():
        raise InputError(f'there is no {path}')
    try:
        with path.open('rb') as file:
            shape, fortran, dtype = read_header(file)
            start, end = file.tell(), file.seek(0, os.SEEK_END)
        if end - start < prod(shape) * dtype.itemsize:
            raise ValueError(
                f'its header says {shape} of {dtype}, but it holds {end - start:,} bytes'
            )
        if dtype.kind not in kinds:
            raise InputError(f'{path} is not an .npy file of numbers')
        return np.memmap(path, dtype, 'r', start, shape, 'F' if fortran else 'C')
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(f'{path} is not a whole .npy file of numbers: {error}') from None


class Archive:
    """An open ``.npz`` file.

    Args:
        path (Path): The file, for messages.
        members (ZipFile): The opened file.
    """

    def __init__(self, path: Path, members: zipfile.ZipFile) -> None:
        self.path = path
        self._members = members

    def __contains__(self, key: str) -> bool:
        return f'{key}.npy' in self._members.namelist()

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        return [x.removesuffix('.npy') for x in self._members.namelist() if x.endswith('.npy')]

    def header(self, key: str) -> tuple[tuple[int, ...], np.dtype]:
        """Return shape and dtype of an array, after a check that the file holds the whole array.

        Raises:
            InputError: If there is no such array, it holds anything but numbers or text, or its
                unpacked size is far too large for its packed size.
        """
        with self._open(key) as (_, shape, _, dtype):
            return shape, dtype

    def load(self, key: str) -> np.ndarray:
        """Load an array.

        Raises:
            InputError: As :meth:`header`, or if the array is damaged.
        """
        with self._open(key) as (file, shape, fortran, dtype):
            flat = np.frombuffer(file.read(), dtype, count=prod(shape))
            check_text(flat)
            return flat.reshape(shape, order='F' if fortran else 'C')

    def rows(self, key: str) -> Iterator[np.ndarray]:
        """Read an array row by row, with only one row in memory.

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
        """Open an array after its header: file, shape, whether in Fortran order, dtype."""
        info = self._info(key)
        if info.compress_size > self.path.stat().st_size:
            raise InputError(
                f'{self.path}: {key} should have {info.compress_size:,} bytes, more than the file'
            )
        if info.file_size > max(_SMALL, _MAX_INFLATION * info.compress_size):
            raise InputError(
                f'{self.path}: {key} would unpack from {info.compress_size:,} to '
                f'{info.file_size:,} bytes, which is too much for a recording'
            )
        try:
            with self._members.open(info) as file:
                shape, fortran, dtype = read_header(file)
                size = info.file_size - file.tell()
                if dtype.kind not in 'biufU' or size != prod(shape) * dtype.itemsize:
                    raise InputError(
                        f'{self.path}: the header of {key} says {shape} of {dtype}, but it holds '
                        f'{size:,} bytes'
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
        InputError: If it is not an ``.npz`` file.
    """
    try:
        members = zipfile.ZipFile(path)
    except _BROKEN:
        raise InputError(f'{path} is not an .npz file of plain arrays') from None
    with members:
        yield Archive(path, members)
