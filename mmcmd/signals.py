"""Signals by which a scheduler asks a training to stop. This module imports nothing of torch."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

STARTED = perf_counter()
"""When the program started: a tool imports this module before all others."""

EXIT_STATUS = 85
"""Exit status of a training that was asked to stop. ``--resume`` goes on from where it was."""

STOP = frozenset(getattr(signal, x) for x in ('SIGTERM', 'SIGUSR1') if hasattr(signal, x))
"""SIGTERM, and SIGUSR1, which Slurm sends ahead of the time limit (``--signal=B:USR1@120``)."""

_kept: set[int] = set()
_thread = threading.local()


def stop_at_start_up() -> None:
    """Leave with :data:`EXIT_STATUS` at once when a signal comes; there is nothing to save yet.

    This holds until :func:`end_start_up`. It must be called before torch is imported, because that
    takes seconds.
    """
    for number in STOP:
        signal.signal(number, lambda *_: os._exit(EXIT_STATUS))
    # Python calls a handler only between two instructions of the main thread, and a rank may wait
    # in C++ for the others for minutes. The number of a signal is written into a pipe at once.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    _thread.tell = tell
    threading.Thread(target=_leave_when_told, args=(told,), daemon=True).start()
    unblock()


def end_start_up() -> None:
    """Leave the signals to the handlers that the training has installed."""
    if hasattr(_thread, 'tell'):
        signal.set_wakeup_fd(-1)


def _leave_when_told(told: int) -> None:
    while not STOP.intersection(os.read(told, 1)):
        pass
    os._exit(EXIT_STATUS)


def unblock() -> None:
    """Receive the signals that ``tools/torchrun.py`` holds back while it starts the ranks."""
    if hasattr(signal, 'pthread_sigmask'):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


@contextmanager
def kept_from_children(numbers: Iterable[int]) -> Iterator[None]:
    """Let child processes that are forked inside ignore signals, unless this process sends them.

    A scheduler sends its signals to all processes of a job. Without this function, the workers of
    the data loaders die first, and torch raises an error in the process that needs them. A worker
    must still obey this process: if it ignored every SIGTERM, this process would wait for it at
    exit forever.

    The signals are blocked while a child is forked, so there is no moment at which they kill it.

    Args:
        numbers (Iterable[int]): Signals. Systems without ``sigwaitinfo`` (macOS) keep none.
    """
    _kept.update(numbers)
    try:
        yield
    finally:
        _kept.difference_update(numbers)


def _block() -> None:
    if _kept:
        _thread.before = signal.pthread_sigmask(signal.SIG_BLOCK, _kept)


def _restore() -> None:
    if _kept:
        signal.pthread_sigmask(signal.SIG_SETMASK, _thread.before)


def _obey_parent_only() -> None:
    """Receive the blocked signals in a thread: only there can one see who has sent them."""
    if _kept:
        arguments = os.getppid(), frozenset(_kept)
        threading.Thread(target=_wait_for_parent, args=arguments, daemon=True).start()


def _wait_for_parent(parent: int, numbers: Iterable[int]) -> None:
    while signal.sigwaitinfo(numbers).si_pid != parent:
        pass
    os._exit(0)  # torch's own workers do the same


if hasattr(signal, 'sigwaitinfo'):
    os.register_at_fork(before=_block, after_in_parent=_restore, after_in_child=_obey_parent_only)
