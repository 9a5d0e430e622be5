"""Signals that a scheduler sends to stop a training. This module does not import torch."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

STARTED = perf_counter()
"""Start of the program, in seconds of ``perf_counter``. Tools import this module first."""

EXIT_STATUS = 85
"""Exit status of a training that was asked to stop. ``--resume`` continues this training."""

STOP = frozenset(getattr(signal, x) for x in ('SIGTERM', 'SIGUSR1') if hasattr(signal, x))
"""SIGTERM, and SIGUSR1, which Slurm sends before the time limit (``--signal=B:USR1@120``)."""

_kept: set[int] = set()
_thread = threading.local()


def stop_at_start_up() -> None:
    """Exit with :data:`EXIT_STATUS` as soon as a signal arrives: there is nothing to save yet.

    This holds until :func:`end_start_up` is called. Call this function before torch is imported,
    because that import takes seconds.
    """
    for number in STOP:
        signal.signal(number, lambda *_: os._exit(EXIT_STATUS))
    # Python calls a handler only between two instructions of the main thread, but a rank may wait
    # in C++ for the others for minutes. So Python also writes the number of the signal into a pipe,
    # which it does at once, and a thread reads it there.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    _thread.tell = tell
    threading.Thread(target=_leave_when_told, args=(told,), daemon=True).start()
    unblock()


def end_start_up() -> None:
    """End :func:`stop_at_start_up`: from now on, the handlers of the training get the signals."""
    if hasattr(_thread, 'tell'):
        signal.set_wakeup_fd(-1)


def _leave_when_told(told: int) -> None:
    while not STOP.intersection(os.read(told, 1)):
        pass
    os._exit(EXIT_STATUS)


def unblock() -> None:
    """Unblock the signals that ``tools/torchrun.py`` blocks while it starts the ranks."""
    if hasattr(signal, 'pthread_sigmask'):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


@contextmanager
def kept_from_children(numbers: Iterable[int]) -> Iterator[None]:
    """Make children that are forked in this context ignore signals from other processes.

    A scheduler sends its signals to all processes of a job. Without this function, the workers of
    the data loaders end first, and torch raises an error in the process that needs them. A worker
    must still obey the signals of this process: if it ignored every SIGTERM, this process would
    wait for it at exit forever.

    The signals are blocked while a child is forked, so they can never end it.

    Args:
        numbers (Iterable[int]): Signals to ignore. Systems without ``sigwaitinfo`` (macOS) cannot
            ignore any.
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
    """Receive the blocked signals in a thread, because only ``sigwaitinfo`` gives their sender."""
    if _kept:
        arguments = os.getppid(), frozenset(_kept)
        threading.Thread(target=_wait_for_parent, args=arguments, daemon=True).start()


def _wait_for_parent(parent: int, numbers: Iterable[int]) -> None:
    while signal.sigwaitinfo(numbers).si_pid != parent:
        pass
    os._exit(0)  # torch's own workers do the same


if hasattr(signal, 'sigwaitinfo'):
    os.register_at_fork(before=_block, after_in_parent=_restore, after_in_child=_obey_parent_only)
