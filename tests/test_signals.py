"""Only the training process handles a scheduler's signals, not the processes that it starts."""

import multiprocessing
import signal
import subprocess
import sys
import time

import pytest

from mmcmd.signals import EXIT_STATUS, STOP, kept_from_children

pytestmark = pytest.mark.skipif(not hasattr(signal, 'sigwaitinfo'), reason='needs sigwaitinfo')


@pytest.fixture
def start():
    """Return a function that forks a child. Another process sends the child a signal at once."""
    started = []

    def start(number):
        child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))
        child.start()
        started.append(child)
        subprocess.run(['kill', f'-{number}', str(child.pid)], check=True)
        return child

    yield start
    for child in started:
        child.kill()
        child.join()


@pytest.mark.parametrize('number', STOP)
def test_child_ignores_signals_of_others_and_obeys_its_parent(start, number):
    with kept_from_children(STOP):
        child = start(number)
    child.join(0.3)
    assert child.is_alive()
    child.terminate()
    child.join(10)
    assert child.exitcode == 0


def test_other_children_are_left_as_they_are(start):
    with kept_from_children(STOP):
        pass
    child = start(signal.SIGTERM)
    child.join(10)
    assert child.exitcode == -signal.SIGTERM


def test_process_itself_still_gets_the_signals_after_a_fork(start):
    with kept_from_children(STOP):
        start(signal.SIGTERM)
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & STOP


WAITS = """
import ctypes, os, sys, threading
from mmcmd.signals import stop_at_start_up
stop_at_start_up()
print('torch' in sys.modules, flush=True)
threading.Timer(0.2, os.kill, (os.getpid(), int(sys.argv[1]))).start()
mutex, lock = ctypes.create_string_buffer(64), ctypes.CDLL(None).pthread_mutex_lock
lock(mutex)
lock(mutex)  # never returns, as a rank that waits for the others
"""


@pytest.mark.parametrize('number', STOP)
def test_signal_at_start_up_ends_a_training_that_waits_outside_of_python(root, number):
    done = subprocess.run(
        [sys.executable, '-c', WAITS, str(int(number))],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (EXIT_STATUS, 'False\n'), done.stderr
