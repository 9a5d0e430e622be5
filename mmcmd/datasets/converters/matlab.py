"""Read arrays from MATLAB files of version 5 to 7, with Python code only.

``scipy.io.loadmat`` (1.17) is not safe for files from others. It uses a number from the file as an
index of a pointer: 21 of 20,000 damaged files crashed the process. 20 of these were tried again,
and four of them crashed only after other files had been read. A worker process limits the damage of
a crash, but a wrong pointer may do harm before the crash. scipy also has no limit of memory: a file
of 1 MB took 1.3 GiB, and docs/security.md allows 64 MiB.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

import numpy as np

_HEADER = 128
_LITTLE_ENDIAN = b'\x00\x01IM'  # the end of the header: version 1.0 and the order of bytes
_HDF5 = b'\x00\x02IM'
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: 'i1', 2: 'u1', 3: 'i2', 4: 'u2', 5: 'i4', 6: 'u4', 7: 'f4', 9: 'f8', 12: 'i8'}
_FLOATS = (6, 7)  # classes double and single
_COMPLEX = 1 << 11
_PARTS = 4  # parts of an array: flags, dimensions, name, numbers
_MOST = 1 << 26  # most bytes of a compressed element after unpacking


def read_floats(content: bytes, name: str) -> np.ndarray:
    """Read one array of real numbers.

    Args:
        content (bytes): The file.
        name (str): Name of the variable.

    Returns:
        np.ndarray: Read-only array with the shape that it has in MATLAB.

    Raises:
        ValueError: If it is not such a file, or has no such array; the message says what is wrong.
    """
    if content[_HEADER - 4 : _HEADER] == _HDF5:
        raise ValueError('it has version 7.3: save it with -v7')
    if content[_HEADER - 4 : _HEADER] != _LITTLE_ENDIAN:
        raise ValueError('its header is not that of version 5 to 7')
    found = []
    for kind, element in _elements(content[_HEADER:]):
        if kind == _COMPRESSED:
            kind, element = next(_elements(_unfold(element)), (kind, b''))
        if kind == _MATRIX:
            parts = list(islice(_elements(element), _PARTS + 1))
            if len(parts) < _PARTS:
                raise ValueError('it has a variable without contents')
            found.append(parts[2][1][:80].decode('ascii', 'backslashreplace'))
            if found[-1] == name:
                return _array(parts[0][1], parts[1][1], parts[3:])
    raise ValueError(f'it has no variable {name!r}, only {str(found)[:80]}')


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split data into its elements: kinds and contents."""
    place = 0
    while place < len(data):
        if len(data) - place < 8:
            raise ValueError('it is truncated')
        kind, size = struct.unpack_from('<II', data, place)
        start, padded = place + 8, 8 + -(-size // 8) * 8
        if kind == _COMPRESSED:
            padded = 8 + size
        if kind >> 16:  # an element of up to four bytes is inside the tag itself
            kind, size, start, padded = kind & 0xFFFF, kind >> 16, place + 4, 8
        if size > len(data) - start or (padded == 8 and size > 4):
            raise ValueError('it is truncated')
        yield kind, data[start : start + size]
        place += padded


def _unfold(data: bytes) -> bytes:
    unfolding = zlib.decompressobj()
    try:
        unfolded = unfolding.decompress(data, _MOST)
    except zlib.error as error:
        raise ValueError(f'it is damaged: {error}') from None
    if not unfolding.eof:
        raise ValueError(f'it is truncated, or holds more than {_MOST >> 20} MiB')
    return unfolded


def _array(flags: bytes, dimensions: bytes, parts: list[tuple[int, bytes]]) -> np.ndarray:
    (word,) = struct.unpack_from('<I', flags.ljust(4, b'\0'))
    if word & 0xFF not in _FLOATS or word & _COMPLEX or len(parts) != 1:
        raise ValueError('the variable is not an array of real floats')
    shape = np.frombuffer(dimensions, '<i4').tolist()
    kind, numbers = parts[0]
    if kind not in _NUMBERS:
        raise ValueError('the variable is not an array of real floats')
    values = np.frombuffer(numbers, f'<{_NUMBERS[kind]}')
    if min(shape, default=-1) < 0 or math.prod(shape) != len(values):
        raise ValueError(
            f'the variable has {len(values)} numbers, but its shape is {str(shape)[:80]}'
        )
    return values.reshape(shape, order='F')
