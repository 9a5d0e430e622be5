"""Run a tool: a user's mistake ends in one sentence, and every end has its exit status.

The module imports no framework: torch takes seconds, and ``--help`` needs none of it.
"""

import errno
import gc
import io
import json
import os
import re
import select
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TextIO

from mmcmd.errors import InputError
from mmcmd.signals import unblock

_OUT_OF_MEMORY = (
    'the GPU is out of memory; lower train_dataloader.batch_size (when evaluating, that of '
    'val_dataloader, test_dataloader and the gallery_dataloader), model.queue.size or '
    'model.backbone.hidden_size, or train with --amp'
)
_DISK_FULL = (
    'the disk is full; the checkpoints written before are complete: free some space and continue '
    'with --resume'
)
_RANK_LOST = 'another rank has ended or does not answer; read the message of that rank'
_FROM_ANOTHER_RANK = re.compile(r'gloo/transport/\w+/(pair|buffer|unbound_buffer)')
_NO_ROOM_ON_GPU = re.compile('STATUS_ALLOC_FAILED|CUDA error: out of memory')
_FORBIDDEN = errno.EACCES, errno.EPERM, errno.EROFS
_REMEDY = (
    'give another path, with --work-dir or --out if the tool has this option, or work in a folder '
    'that you may write to'
)
_NO_ROOM = errno.ENOSPC, errno.EDQUOT, errno.EFBIG


def run(main: Callable[[], int | None]) -> None:
    """Run a tool's main function; a user's mistake ends in one sentence and exit status 2."""
    unblock()
    try:
        status = main()
        if _has_group():
            # Objects that still hold the group keep its threads. These may abort the
            # interpreter's exit.
            gc.collect()
            sys.modules['torch'].distributed.destroy_process_group()
        _is_unread(sys.stdout)
        sys.exit(status)
    except InputError as error:
        # mmengine's registry wraps an exception in one of the same kind that adds class names.
        # A message of ours that adds the name of a file is raised `from None` and is kept.
        while isinstance(error.__context__, InputError) and not error.__suppress_context__:
            error = error.__context__
        # torch puts the exception of a worker process into a message with its traceback.
        message = str(error).rpartition('mmcmd.errors.InputError: ')[2].strip()
        _stop(f'error: {message}', 2)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _is_unread(sys.stdout):
            _leave(1)  # as in `mmcmd config ... | head`: there is no mistake to tell
        full = f'{_DISK_FULL} ({error})' if error.errno in _NO_ROOM else error
        _stop(f'error: {_file_for_folder(error) or _no_permission(error) or full}', 2)
    except SystemExit as stop:  # among others, a training that was asked to stop
        _leave(stop.code)
    except KeyboardInterrupt:
        _stop('interrupted', 130)
    except Exception as error:
        if _is_out_of_memory(error):
            _stop(f'error: {_OUT_OF_MEMORY} ({_first_sentence(error)})', 2)
        if _FROM_ANOTHER_RANK.search(str(error)):
            message = f'error: {_RANK_LOST} ({_first_sentence(error)})'
            _print(message)
            _tell_torchrun(message, delay=60)
            _leave(1)
        _tell_torchrun(traceback.format_exc())
        if _has_group():
            sys.excepthook(*sys.exc_info())  # torch's hook, which names the rank
            _leave(1)
        raise


def _file_for_folder(error: OSError) -> str | None:
    """Say which file lies where a folder is needed, if that is the error."""
    if not isinstance(error, (FileExistsError, NotADirectoryError)) or not error.filename:
        return None
    path = Path(error.filename)
    files = [x for x in (path, *path.parents) if x.is_file()]
    return f'{files[0]} is a file, and a folder is needed there; give another path' * bool(files)


def _no_permission(error: OSError) -> str | None:
    """Say which file or folder may not be read or written, if that is the error."""
    if error.errno not in _FORBIDDEN or not error.filename:
        return None
    remedy = 'change its permissions' if os.path.isfile(error.filename) else _REMEDY
    return f'no permission for {error.filename} ({error.strerror}); {remedy}'


def _is_out_of_memory(error: Exception) -> bool:
    torch = sys.modules.get('torch')
    known = torch is not None and isinstance(error, torch.OutOfMemoryError)
    return known or _NO_ROOM_ON_GPU.search(str(error)) is not None


def _has_group() -> bool:
    """Return whether this process is one of several ranks; without torch it cannot be."""
    torch = sys.modules.get('torch')
    return torch is not None and torch.distributed.is_initialized()


def _first_sentence(error: Exception) -> str:
    return str(error).split('. ')[0].split('\n')[0].rstrip('.')


def _stop(message: str, status: int) -> NoReturn:
    _print(message)
    _tell_torchrun(message)
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End early. The threads of a process group may abort an interpreter's usual exit."""
    if not _has_group():
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # closed
            stream.flush()
    os._exit(status)


def _print(message: str) -> None:
    if sys.stderr is not None:  # closed by whoever started the program
        path = Path(sys.argv[0])
        name = path.parent.name if path.name == '__main__.py' else path.name  # `python -m NAME`
        sys.stderr.write(f'{name}: {message}\n')


def _is_unread(stream: TextIO | None) -> bool:
    """Write what is left, and return whether its reader is gone. The rest is then dropped."""
    if stream is None:
        return False
    try:
        stream.flush()
        errors = select.poll()
        errors.register(stream.fileno(), 0)
        if not errors.poll(0):
            return False
    except BrokenPipeError:
        pass
    except io.UnsupportedOperation:  # it is no file
        return False
    # Python writes the rest once more when it exits, and would print an error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return True


def _tell_torchrun(reason: str, delay: int = -1) -> None:
    """Write the reason into torchrun's error file. torchrun prints it at the very end.

    torchrun takes the earliest failure as the cause of the others. Its times are whole seconds.
    With a ``delay`` below 0, this rank comes before the ranks that leave no reason; with one above
    0, it comes after them. torch's own ``record`` cannot replace this function. It writes the
    present time, so a rank that only lost another one may count as the cause. And it writes nothing
    for a program that ends with an exit status.
    """
    if path := os.environ.get('TORCHELASTIC_ERROR_FILE'):
        details = {'py_callstack': reason, 'timestamp': int(time.time()) + delay}
        failure = {'message': {'message': reason, 'extraInfo': details}}
        Path(path).write_text(json.dumps(failure))
