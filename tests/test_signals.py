"""Who obeys a scheduler's signals: the process that trains, and not those that it has started."""

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
    """Return a function that forks a child, which another process at once sends a signal."""
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


@pytest.mark.parametrize('number', STOP)
def test_signal_before_torch_is_there_ends_a_training_with_its_own_status(root, number):
    code = (
        'import os, sys\n'
        'from mmcmd.signals import stop_at_start_up\n'
        'stop_at_start_up()\n'
        "print('torch' in sys.modules, flush=True)\n"
        f'os.kill(os.getpid(), {int(number)})\n'
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (EXIT_STATUS, 'False\n'), done.stderr
