"""Write files so that they appear complete or not at all."""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mmengine.fileio import LocalBackend, register_backend


@contextmanager
def replace_file(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path``. If there is no error, it replaces ``path``.

    The temporary file is synced to the disk before it is renamed. After an error it is removed.

    Args:
        path (str or PathLike): The file to write. Missing parent folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A random name, because a process on another node or in another container can have the same id.
    temporary = path.with_name(f'.{path.name}.{secrets.token_hex(8)}.part')
    try:
        with temporary.open('xb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """mmengine's backend for local files, with :func:`replace_file` for writing.

    Choose it with ``backend_args=dict(backend='atomic')``.
    """

    def put(self, obj: bytes, filepath: str | os.PathLike) -> None:
        """Write bytes to a file, completely or not at all."""
        with replace_file(filepath) as file:
            file.write(obj)


def file_hash(path: str | os.PathLike) -> str:
    """Return the first 8 hex digits of a file's SHA-256."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()[:8]


def check_writable(folder: str | os.PathLike) -> None:
    """Check that files can be written to a folder, which need not exist yet.

    Args:
        folder (str or PathLike): The folder.

    Raises:
        PermissionError: If this process may not write there.
    """
    path = Path(folder).absolute()
    existing = next(x for x in (path, *path.parents) if x.exists())
    if not os.access(existing, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
