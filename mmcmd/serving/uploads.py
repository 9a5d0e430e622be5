"""Read uploaded files in a separate process, because a file may use up memory or crash it."""

import json
import multiprocessing
import re
import resource
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.errors import InputError
from mmcmd.skeletons import Layout, get_layout

MEMORY = 1 << 30
"""Bytes of memory that reading a file may use, beyond the memory of the program."""
SECONDS = 20
"""Time that reading a file may take."""
AT_ONCE = 2
"""Number of files that are read at the same time. It limits the memory of all readers together."""
MOST_MOTIONS, MOST_NUMBERS = 50, 20_000_000
"""Largest number of motions of a file that are kept, and of coordinates in all of them."""

_DISK = 1 << 28  # bytes of a temporary file that a parser may write


def safe_name(name: str) -> str:
    """Return the last part of a file name, with only letters, digits, ``_``, ``.`` and ``-``.

    Args:
        name (str): Name that a browser sends. It may be any text.
    """
    last = re.split(r'[/\\]', name)[-1]
    return re.sub(r'[^A-Za-z0-9_.-]', '_', last)[-100:].lstrip('.-') or 'file'


class UploadReader:
    """Reads uploaded files with the parsers of ``tools/data/convert.py``.

    Each file is read in a new process. It is forked from a helper process that has imported the
    parsers but never reads a file, so it starts in milliseconds. At most :data:`AT_ONCE` files are
    read at a time; the others wait.

    Args:
        layout (Layout): Joint layout of files that do not store one.
        seconds (float): Time that reading a file may take. Defaults to :data:`SECONDS`.
        memory (int): Bytes of memory that reading a file may use. Defaults to :data:`MEMORY`.
    """

    def __init__(self, layout: Layout, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.layout, self.seconds, self.memory = layout, seconds, memory
        self._context = multiprocessing.get_context('forkserver')
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._context.set_forkserver_preload(['mmcmd.inference.reading', 'mmcmd.cli'])

    def warm_up(self) -> None:
        """Start the helper process, so that the first file does not wait for it."""
        process = self._context.Process(target=_nothing)
        with suppress(OSError):
            process.start()
            process.join()

    def read(self, content: bytes, name: str, layout: str = '') -> tuple[list[dict[str, Any]], int]:
        """Read the first :data:`MOST_MOTIONS` motions of a file.

        Args:
            content (bytes): Content of the file.
            name (str): Name of the file. Only its ending is used, to find the format.
            layout (str): Name of the joint layout, if the file does not store it. Defaults to the
                layout of the reader.

        Returns:
            tuple: For each motion a dict of ``name``, ``label``, ``class_name`` (or None),
            ``normalized``, ``fps`` (0 if not known), ``layout`` (Layout, or None) and ``keypoint``,
            float32, shape (M, T, V, C); and the number of motions in the file.

        Raises:
            InputError: If the file cannot be read, or there is no such layout.
        """
        name = safe_name(name)
        told = get_layout(layout, files=False) if layout else None  # not as a path
        if not content:
            raise InputError(f'{name} is empty')
        with tempfile.TemporaryDirectory(prefix='mmcmd.upload.') as folder:
            Path(folder, name).write_bytes(content)
            with self._turn(name), self._worker(folder, name, told) as (process, answers):
                # If the process dies, its end of the pipe closes, and `poll` also returns.
                if not answers.poll(self.seconds):
                    raise InputError(f'{name} was not read within {self.seconds:g} s')
                try:
                    return self._receive(answers, name)
                except (EOFError, OSError):
                    process.join(1)
                    raise InputError(
                        f'{name} cannot be read: the process that read it ran out of memory or '
                        'time, or crashed'
                    ) from None

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        if not self._free.acquire(timeout=self.seconds):
            raise InputError(f'{name} was not read, because other files are; send it again later')
        try:
            yield
        finally:
            self._free.release()

    @contextmanager
    def _worker(
        self, folder: str, name: str, told: Layout | None
    ) -> Iterator[tuple[Any, Connection]]:
        answers, end = self._context.Pipe(duplex=False)
        limits = self.memory, int(self.seconds) + 1
        layouts = told and told.to_dict(), self.layout.to_dict()
        arguments = end, folder, name, layouts, limits
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        try:
            process.start()
        except OSError as error:
            raise InputError(f'{name} cannot be read: no process can start: {error}') from None
        finally:
            end.close()
        try:
            yield process, answers
        finally:
            process.kill()
            process.join()
            answers.close()

    def _receive(self, answers: Connection, name: str) -> tuple[list[dict[str, Any]], int]:
        """Receive plain JSON and numbers from the process. Nothing is unpickled."""
        told = json.loads(answers.recv_bytes(1 << 22))
        if 'error' in told:
            raise InputError(str(told['error']).replace('\n', ' ')[:600])
        motions = told['motions']
        for motion in motions:
            shape = tuple(map(int, motion['shape']))
            data = answers.recv_bytes(4 * MOST_NUMBERS)
            motion['keypoint'] = np.frombuffer(data, np.float32).reshape(shape)
            if motion['layout'] is not None:
                motion['layout'] = get_layout(motion['layout'], files=False)
        if not motions:
            raise InputError(f'{name} holds no motion')
        return motions, int(told['total'])


def _nothing() -> None:
    """Do nothing: only the start of the process matters."""


def _work(
    end: Connection, folder: str, name: str, layouts: Sequence[dict | None], limits: Sequence[int]
) -> None:
    """Read one file and send its motions. This runs in the separate process."""
    from mmcmd.inference.reading import read_file

    memory, seconds = limits
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    memory += pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_DISK, _DISK))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    told, default = (x and get_layout(x, files=False) for x in layouts)
    try:
        found = read_file(Path(folder, name), layout=told, default_layout=default)
        classes = list(found.classes)
        recordings = [found[index] for index in range(min(len(found), MOST_MOTIONS))]
        arrays = [np.ascontiguousarray(x.keypoint, np.float32) for x in recordings]
        if sum(x.size for x in arrays) > MOST_NUMBERS:
            raise InputError(f'{name} holds more than {MOST_NUMBERS:,} coordinates')
    except InputError as error:
        message = (
            str(error)
            .replace(f'{folder}/', '')
            .replace(folder, 'the file')
            .partition('; name the format with')[0]
        )
        end.send_bytes(json.dumps({'error': message}).encode())
        return
    except MemoryError:
        end.send_bytes(json.dumps({'error': f'{name} needs too much memory'}).encode())
        return
    motions = [
        {
            'name': x.name,
            'label': x.label,
            'class_name': classes[x.label] if 0 <= x.label < len(classes) else None,
            'normalized': x.normalized,
            'fps': float(x.fields.get('fps') or 0),
            'layout': x.layout and x.layout.to_dict(),
            'shape': array.shape,
        }
        for x, array in zip(recordings, arrays, strict=True)
    ]
    end.send_bytes(json.dumps({'motions': motions, 'total': len(found)}).encode())
    for array in arrays:
        end.send_bytes(array.data.cast('B'))
