"""A run that is killed continues with `--resume` like an uninterrupted run."""

import signal
import subprocess
import sys
import time

import pytest
import torch

EPOCHS = 8


@pytest.fixture
def start(root, tiny_options):
    """Return a function: work dir, arguments -> process of `tools/train.py`."""
    options = tiny_options | {'train_cfg.max_epochs': EPOCHS, 'train_cfg.val_interval': 99}
    options = {name: x for name, x in options.items() if 'vis_backends' not in name}
    started = []

    def start(work_dir, *args):
        started.append(
            subprocess.Popen(
                [
                    *(sys.executable, root / 'tools' / 'train.py'),
                    root / 'configs' / 'cmd' / 'cmd_bigru_ntu60_xsub.py',
                    *('--work-dir', work_dir, *args, '--cfg-options'),
                    *(f'{name}={value}' for name, value in options.items()),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def final_state(work_dir):
    return torch.load(work_dir / f'epoch_{EPOCHS}.pth', weights_only=True)['state_dict']


def stop(process, work_dir, number):
    """Send a signal as soon as a checkpoint is saved; return the exit status."""
    before = sorted(work_dir.glob('*_*.pth'))
    until = time.monotonic() + 100
    while sorted(work_dir.glob('*_*.pth')) == before and time.monotonic() < until:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(number)
    process.communicate(timeout=100)
    assert not (work_dir / f'epoch_{EPOCHS}.pth').exists(), 'the run ended before it was stopped'
    return process.returncode


def test_stopped_run_resumes_to_the_weights_of_an_uninterrupted_one(start, tmp_path):
    whole, stopped = tmp_path / 'whole', tmp_path / 'stopped'
    reference = start(whole)
    assert stop(start(stopped), stopped, signal.SIGKILL) == -signal.SIGKILL
    assert stop(start(stopped, '--resume'), stopped, signal.SIGTERM) == 85
    assert (stopped / 'last_checkpoint').read_text() == str(stopped / 'preempted.pth')

    for process in (reference, start(stopped, '--resume')):
        _, stderr = process.communicate(timeout=100)
        assert process.returncode == 0, stderr
    expected, found = final_state(whole), final_state(stopped)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
