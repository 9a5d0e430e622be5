"""Check a checkpoint before torch opens it.

``torch.load(weights_only=True)`` runs no code. But a file of a hundred bytes can make it take
gigabytes (``bytearray(n)``, ``torch.Tensor(n)``, a compressed archive) or overflow the stack. Here
the pickle is read first, with stand-ins for all objects of torch. Measured with torch 2.13: without
this check, a file of 813 bytes takes 956 MiB, and a deeply nested key of 200 kB ends the process.
Checking a checkpoint of 176 MB takes a millisecond.
"""

import pickle
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import torch

from mmcmd.io.safe_pickle import PLAIN, MoreThanData, PlainUnpickler, check_extent

STARTS = b'PK\x03\x04', b'\x80'  # torch's zip files, and its pickles before 1.6
_LEGACY_PICKLES = 5  # magic number, version, byte order, the checkpoint, keys of its storages


class _Inert:
    """Stands in for every object of torch."""


class _Options(dict):
    """Stands in for ``argparse.Namespace``, whose attributes it holds."""


def _inert(*_: Any) -> _Inert:
    return _Inert()


def _counter(counts: dict) -> dict:
    if type(counts) is not dict:  # the keys of a dict are checked already
        raise ValueError('it holds a Counter that is not made of a dict')
    return counts


_TORCH: dict[tuple[str, str], Any] = {
    ('torch._utils', '_rebuild_tensor'): _inert,
    ('torch._utils', '_rebuild_tensor_v2'): _inert,
    ('torch._utils', '_rebuild_parameter'): _inert,
    ('torch.serialization', '_get_layout'): _inert,
    ('torch', 'Size'): _inert,
    ('torch', 'device'): _inert,
    ('argparse', 'Namespace'): _Options,  # options of a program; MAMP saves them
    ('collections', 'Counter'): _counter,  # milestones of a learning rate
    ('builtins', 'complex'): _inert,
    ('__builtin__', 'complex'): _inert,
}
for _named in (*torch.storage._dtype_to_storage_type_map(), *torch.storage._new_dtypes()):
    _TORCH['torch', str(_named).removeprefix('torch.')] = 'dtype'
for _storage in torch._storage_classes:
    _TORCH[_storage.__module__, _storage.__name__] = 'storage'
_TABLE = {key: value for key, value in PLAIN.items() if not key[0].startswith('numpy')} | _TORCH


class _Unpickler(PlainUnpickler):
    """Builds containers, numbers and text, but no tensors.

    Args:
        file (IO[bytes]): The pickle.
        sizes (Mapping[str, int]): Size of each storage in bytes.
        most (int, optional): Largest possible size of a storage in bytes, if the sizes are not
            known.
    """

    dispatch = type(PlainUnpickler.dispatch)(PlainUnpickler.dispatch)

    def __init__(self, file: IO[bytes], sizes: Mapping[str, int], most: int | None = None) -> None:
        super().__init__(file, _TABLE)
        self._sizes, self._most = sizes, most

    def persistent_load(self, pid: Any) -> _Inert:
        """Check that the file holds a storage, and return a stand-in."""
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == 'storage'):
            raise MoreThanData('it refers to something that is not a storage')
        key, claimed = pid[2], pid[4]
        if type(key) is not str or type(claimed) is not int:
            raise ValueError('it refers to a storage without key or size')
        held = self._most if self._most is not None else self._sizes.get(key, -1)
        if not 0 <= claimed <= held:
            raise ValueError(f'it claims to hold a tensor of {claimed} numbers, but it does not')
        return _Inert()

    def _build(self) -> None:
        """Accept the module versions that torch attaches to a state dict, and values of options."""
        state, made = self.stack.pop(), self.stack[-1]
        if type(made) is _Options and type(state) is dict and all(type(x) is str for x in state):
            made.update(state)
            return
        if type(made) is not dict or not isinstance(state, dict) or set(state) != {'_metadata'}:
            raise MoreThanData(f'it sets the state of a {type(made).__name__}')

    def _new(self) -> None:
        """Make an empty set of options, and refuse every other class."""
        arguments, cls = self.stack.pop(), self.stack.pop()
        if cls is not _Options or arguments != ():
            raise MoreThanData('it makes an object that is not a tensor')
        self.append(_Options())

    dispatch[pickle.NEWOBJ[0]] = _new
    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.BINPERSID[0]] = pickle._Unpickler.dispatch[pickle.BINPERSID[0]]


def check_plain(path: Path) -> None:
    """Check that a checkpoint holds only tensors and plain containers, of the sizes that it claims.

    Args:
        path (Path): The file.

    Raises:
        MoreThanData: If it holds anything else.
        Exception: If it is damaged. The type depends on the damage.
    """
    size = path.stat().st_size
    with path.open('rb') as file:
        start = file.read(4)
        file.seek(0)
        if start == STARTS[0]:
            _check_archive(file, size)
        elif start.startswith(STARTS[1]):
            for _ in range(_LEGACY_PICKLES):
                check_extent(_Unpickler(file, {}, size).load(), size)
        else:
            raise ValueError('its first bytes are not those of a checkpoint')


def _check_archive(file: IO[bytes], size: int) -> None:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError('it is compressed, but torch does not compress checkpoints')
        if any(member.compress_size != member.file_size for member in members):
            raise ValueError('it gives two sizes for one member')
        if sum(member.file_size for member in members) > size:
            raise ValueError('its members are larger than the file')
        if any(member.filename.endswith('constants.pkl') for member in members):
            raise MoreThanData('it holds programs (TorchScript)')
        pickles = [member for member in members if member.filename.endswith('data.pkl')]
        if len(pickles) != 1:
            raise ValueError(f'it holds {len(pickles)} pickles, expected 1')
        prefix = f'{pickles[0].filename.removesuffix(".pkl")}/'
        sizes = {
            member.filename.removeprefix(prefix): member.file_size
            for member in members
            if member.filename.startswith(prefix)
        }
        content = BytesIO(archive.read(pickles[0]))
        check_extent(_Unpickler(content, sizes).load(), size)
