"""Pickles from strangers: numbers, text, plain arrays and containers, and nothing that runs."""

import codecs
import pickle
import re
from collections import OrderedDict
from typing import IO, Any

import numpy as np

_PLAIN_DTYPE = re.compile(r'[biufSU]\d*')


class _DType:
    """Stands in for ``numpy.dtype`` while loading.

    The state that a file may give to a real dtype holds flags and field offsets that numpy trusts,
    and with which plain bytes are taken for pointers; here only a type code and a byte order pass.
    """

    def __init__(self, code: str, *_: Any) -> None:
        if not (isinstance(code, str) and _PLAIN_DTYPE.fullmatch(code)):
            raise ValueError(f'it holds an array of type {code!r}, expected numbers or text')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands in for ``numpy.ndarray`` while loading, for :class:`_DType`'s sake."""

    def __init__(self, *_: Any) -> None:
        self.array = np.empty(0)

    def __setstate__(self, state: tuple) -> None:
        *_, shape, dtype, fortran, raw = state  # a version precedes them in all but the oldest
        self.array.__setstate__((1, shape, dtype.dtype, fortran, raw))


def _scalar(dtype: _DType, raw: bytes | str) -> np.generic:
    raw = raw.encode('latin1') if isinstance(raw, str) else raw
    return np.frombuffer(raw, dtype.dtype, count=1)[0]


def _from_buffer(raw: bytes, dtype: _DType, shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)


def _encode(text: str, encoding: str) -> bytes:
    if encoding != 'latin1':
        raise ValueError(f'it encodes text as {encoding!r}, expected latin1')
    return codecs.latin_1_encode(text)[0]


# What a pickle may name, and what it gets: rebuilders of ours for those of numpy. `ndarray` is only
# ever an argument of `_reconstruct`, so it gets something that cannot be called.
_ALLOWED: dict[tuple[str, str], Any] = {
    ('numpy', 'ndarray'): 'ndarray',
    ('numpy', 'dtype'): _DType,
    ('_codecs', 'encode'): _encode,
    ('collections', 'OrderedDict'): OrderedDict,
}
for _numpy_core in ('numpy.core', 'numpy._core'):  # the names before and since numpy 2
    _ALLOWED[_numpy_core + '.multiarray', '_reconstruct'] = _Array
    _ALLOWED[_numpy_core + '.multiarray', 'scalar'] = _scalar
    _ALLOWED[_numpy_core + '.numeric', '_frombuffer'] = _from_buffer
for _builtins in ('builtins', '__builtin__'):  # Python 3 and 2
    for _type in (set, frozenset):
        _ALLOWED[_builtins, _type.__name__] = _type


class _Unpickler(pickle.Unpickler):
    """Rebuilds containers, numbers, text and plain arrays; any other global is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Look the global up in a fixed table: nothing is imported and no attribute is followed."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise ValueError(
                f'it asks for {module}.{name}, which annotations do not need and which could run '
                'code'
            ) from None


def _plain(value: Any) -> Any:
    """Put the arrays in the place of their stand-ins."""
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    return value


def load_plain(file: IO[bytes]) -> Any:
    """Load a pickle that holds only containers, numbers, text and arrays of these.

    Args:
        file (IO[bytes]): Opened for reading in binary mode.

    Returns:
        Any: What was pickled.

    Raises:
        ValueError: If it asks for anything else, before that runs.
        Exception: If it is damaged: a pickle fails in as many ways as there are opcodes.
    """
    # latin1: how the arrays of Python 2 come through unharmed.
    return _plain(_Unpickler(file, encoding='latin1').load())
