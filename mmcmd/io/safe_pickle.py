"""Load pickles of unknown origin: numbers, text, plain arrays and containers, but no code.

The unpickler of ``torch.load(weights_only=True)`` cannot replace this one: it refuses numpy arrays,
and pickles of protocol 4, which most annotation files are.
"""

import codecs
import os
import pickle
import re
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from math import prod
from struct import unpack
from typing import IO, Any

import numpy as np

_PLAIN_DTYPE = re.compile(r'[biuf][1-9]\d?|[SU][1-9]\d{0,4}')  # of a limited width
_FIRST_BEYOND_UNICODE = 0x110000
_DEEPEST = 64  # containers in containers
_FEW = 1 << 20  # this many items are always accepted, even from a small file
_FLAT = (str, bytes, int, float, complex, type(None), np.generic)


class MoreThanData(ValueError):
    """A pickle asks for something that plain data does not need and that could run code."""


def _brief(value: Any) -> str:
    """Describe a value for a message. Only text is quoted: other values may have no end."""
    return repr(value[:40]) if isinstance(value, str) else f'a {type(value).__name__}'


def check_text(array: np.ndarray) -> None:
    """Check that an array of text holds valid characters.

    numpy itself checks a text only when the text is read.

    Args:
        array (np.ndarray): An array of any type and shape. Arrays of numbers always pass.

    Raises:
        ValueError: If a character is not valid.
    """
    if array.dtype.kind == 'U' and array.size:
        codes = np.ascontiguousarray(array).view(array.dtype.byteorder + 'u4')
        if codes.max() >= _FIRST_BEYOND_UNICODE:
            raise ValueError('it holds text with characters that are not Unicode')


class _DType:
    """Stands in for ``numpy.dtype`` while loading.

    A file can give a state to a real dtype. numpy trusts the flags and field offsets in this state,
    and they can make it use plain bytes as pointers. Here only a type code and a byte order are
    accepted.
    """

    def __init__(self, code: str, *_: Any) -> None:
        if not (isinstance(code, str) and _PLAIN_DTYPE.fullmatch(code)):
            raise ValueError(f'it holds an array of type {_brief(code)}, not numbers or text')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        if state[1] not in ('<', '>', '|', '='):
            raise ValueError(f'it holds an array in byte order {_brief(state[1])}')
        self.dtype = self.dtype.newbyteorder(state[1])


def _reconstruct(*_: Any) -> np.ndarray:
    return np.empty(0)


def _check_shape(shape: tuple[int, ...], dtype: _DType, raw: bytes | str) -> None:
    if not all(type(axis) is int and axis >= 0 for axis in shape):
        raise ValueError('it holds an array with an invalid shape')
    if prod(shape) * dtype.dtype.itemsize != len(raw):
        raise ValueError('it holds an array whose shape does not fit its bytes')


def _fill(array: np.ndarray, state: tuple) -> None:
    """Fill an array of :func:`_reconstruct` with its contents."""
    *_, shape, dtype, fortran, raw = state  # a version comes first, except in very old files
    _check_shape(shape, dtype, raw)
    array.__setstate__((1, shape, dtype.dtype, fortran, raw))
    check_text(array)


def _scalar(dtype: _DType, raw: bytes | str) -> np.generic:
    raw = raw.encode('latin1') if isinstance(raw, str) else raw
    return np.frombuffer(raw, dtype.dtype, count=1)[0]


def _from_buffer(raw: bytes, dtype: _DType, shape: tuple[int, ...], order: str) -> np.ndarray:
    _check_shape(shape, dtype, raw)
    order = 'F' if order == 'F' else 'C'
    array = np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)
    check_text(array)
    return array


def _encode(text: str, encoding: str) -> bytes:
    if encoding != 'latin1':
        raise ValueError(f'it encodes text as {_brief(encoding)}, expected latin1')
    return codecs.latin_1_encode(text)[0]


def _flat(keys: Iterable[Any]) -> list[Any]:
    """Check values before they are hashed: the hash of a deep tuple overflows the stack."""
    keys = list(keys)
    if set(map(type, keys)) != {str}:  # in most files, all keys are text
        for key in keys:
            parts = key if isinstance(key, tuple) else (key,)
            if not all(isinstance(part, _FLAT) for part in parts):
                raise ValueError('a key of a dict or a member of a set is not a number or text')
    return keys


def _set(items: Iterable[Any] = ()) -> set:
    return set(_flat(items))


def _frozenset(items: Iterable[Any] = ()) -> frozenset:
    return frozenset(_flat(items))


def _dict(pairs: Iterable[Any] = ()) -> dict:
    pairs = [(key, value) for key, value in pairs]
    _flat(key for key, _ in pairs)
    return dict(pairs)


# The globals that a pickle may name, and the objects that replace them. Our own functions replace
# those of numpy. A text that cannot be called replaces `ndarray`, because `ndarray` is only needed
# as an argument of `_reconstruct`.
PLAIN: dict[tuple[str, str], Any] = {
    ('numpy', 'ndarray'): 'ndarray',
    ('numpy', 'dtype'): _DType,
    ('_codecs', 'encode'): _encode,
    ('collections', 'OrderedDict'): _dict,
}
for _numpy_core in ('numpy.core', 'numpy._core'):  # the names before and since numpy 2
    PLAIN[_numpy_core + '.multiarray', '_reconstruct'] = _reconstruct
    PLAIN[_numpy_core + '.multiarray', 'scalar'] = _scalar
    PLAIN[_numpy_core + '.numeric', '_frombuffer'] = _from_buffer
for _builtins in ('builtins', '__builtin__'):  # Python 3 and 2
    PLAIN[_builtins, 'set'] = _set
    PLAIN[_builtins, 'frozenset'] = _frozenset


class _Source:
    """A file that raises an error if it should read more bytes than are left.

    A false size in the file therefore allocates no memory.
    """

    def __init__(self, file: IO[bytes]) -> None:
        place = file.tell()
        self.left = file.seek(0, os.SEEK_END) - place
        file.seek(place)
        self._file = file

    def read(self, size: int) -> bytes:
        if size > self.left:
            raise EOFError('it is truncated')
        self.left -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline()
        self.left -= len(line)
        return line


class _Opcodes(dict):
    """Table of the opcodes that are accepted. Any other opcode raises an error."""

    def __missing__(self, opcode: int) -> Any:
        raise pickle.UnpicklingError(f'it holds the opcode {bytes([opcode])!r}, which is refused')


_OPCODES = """
    PROTO FRAME STOP MARK POP POP_MARK DUP GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS
    EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET
    GLOBAL STACK_GLOBAL REDUCE BUILD
"""


class PlainUnpickler(pickle._Unpickler):
    """Rebuilds containers, numbers, text and plain arrays, and refuses any other global.

    It derives from the unpickler written in Python. The one written in C is not safe: it allocates
    memory up to the largest memo index in the file, and a file can contain any index. Only the
    opcodes that plain data needs are accepted.

    Args:
        file (IO[bytes]): Opened for reading in binary mode.
        table (Mapping): Maps each pair of module and name that a pickle may ask for to the object
            that is used for it.
    """

    dispatch = _Opcodes(
        (code, pickle._Unpickler.dispatch[code])
        for code in (getattr(pickle, name)[0] for name in _OPCODES.split())
    )

    def __init__(self, file: IO[bytes], table: Mapping[tuple[str, str], Any] = PLAIN) -> None:
        # latin1 keeps the arrays of Python 2 intact.
        super().__init__(_Source(file), encoding='latin1')
        self._table = table

    def find_class(self, module: str, name: str) -> Any:
        """Look up a global in the fixed table. Nothing is imported.

        Raises:
            MoreThanData: If the table does not hold it.
        """
        try:
            return self._table[module, name]
        except KeyError:
            raise MoreThanData(
                f'it asks for {module}.{name}, which plain data does not need and which could run '
                'code'
            ) from None

    def _build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if type(made) is _DType:
            made.__setstate__(state)
        elif type(made) is np.ndarray and made.shape == (0,):
            _fill(made, state)
        else:
            raise ValueError(f'it sets the state of a {type(made).__name__}')

    def _bytearray(self) -> None:
        (size,) = unpack('<Q', self.read(8))
        self.append(bytearray(self.read(size)))

    def _set_items(self, items: list[Any]) -> None:
        into = self.stack[-1]
        if type(into) is not dict:
            raise ValueError(f'it sets items of a {type(into).__name__}')
        into.update(zip(_flat(items[::2]), items[1::2], strict=True))

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def _make_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set_items(items)

    def _add_items(self) -> None:
        items, into = self.pop_mark(), self.stack[-1]
        if type(into) is not set:
            raise ValueError(f'it adds members to a {type(into).__name__}')
        into.update(_flat(items))

    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.BYTEARRAY8[0]] = _bytearray
    dispatch[pickle.SETITEM[0]] = _set_item
    dispatch[pickle.SETITEMS[0]] = lambda self: self._set_items(self.pop_mark())
    dispatch[pickle.DICT[0]] = _make_dict
    dispatch[pickle.ADDITEMS[0]] = _add_items
    dispatch[pickle.FROZENSET[0]] = lambda self: self.append(_frozenset(self.pop_mark()))


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()


def check_extent(value: Any, size: int) -> None:
    """Check that containers do not hold more items than a file of this size can hold.

    A small file can hold a list that contains a second list twice, which contains a third list
    twice, and so on. Going through all its items would take forever. A list that contains itself
    has no end.

    Args:
        value (Any): Containers, which may hold containers.
        size (int): Size of the file in bytes.

    Raises:
        ValueError: If there are too many items, or the containers are nested too deeply.
    """
    level, left = [value], max(size, _FEW)
    for _ in range(_DEEPEST):
        left -= len(level)
        if left < 0:
            raise ValueError('it holds the same items too often')
        level = list(islice(chain.from_iterable(map(_parts, level)), left + 1))
        if not level:
            return
    raise ValueError('it is nested too deeply')


def load_plain(file: IO[bytes]) -> Any:
    """Load a pickle that holds only containers, numbers, text and arrays of these.

    Args:
        file (IO[bytes]): Opened for reading in binary mode.

    Returns:
        Any: The value that was pickled.

    Raises:
        MoreThanData: If it asks for anything else. No code of the file has run.
        Exception: If it is damaged. The type depends on the damage.
    """
    value = PlainUnpickler(file).load()
    check_extent(value, file.seek(0, os.SEEK_END))
    return value
