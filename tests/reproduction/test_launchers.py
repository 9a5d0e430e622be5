"""Attempts on this machine: each gets one GPU, and a killed driver leaves no process."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from mmcmd.engine.hooks.preemption_hook import EXIT_STATUS
from mmcmd.reproduction.attempt import PREEMPTED
from mmcmd.reproduction.launchers import LocalLauncher, visible_gpus
from mmcmd.reproduction.schedule import run_stages
from mmcmd.reproduction.stages import Stage

# It saves when it is stopped, continues from there, and fails if another one runs.
TRAINING = """
import os, pathlib, signal, sys, time
out = pathlib.Path(sys.argv[1])

def save(*_):
    (out / 'checkpoint').write_text('saved')
    (out / 'alone').unlink()
    sys.exit(85)

signal.signal(signal.SIGTERM, save)
os.close(os.open(out / 'alone', os.O_CREAT | os.O_EXCL))
with open(out / 'starts', 'a') as file:
    file.write(os.environ.get('CUDA_VISIBLE_DEVICES', '') + ' ')
if not (out / 'checkpoint').exists():
    time.sleep(float(sys.argv[2]))
(out / 'alone').unlink()
(out / 'product').touch()
"""
DRIVER = """
import signal, sys
from pathlib import Path
from mmcmd.reproduction.launchers import LocalLauncher
from mmcmd.reproduction.schedule import run_stages
from mmcmd.reproduction.stages import Stage

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
script, folder = Path(sys.argv[1]), Path(sys.argv[2])
command = [str(script), str(folder), '60']
run_stages([Stage('a', command, folder, folder / 'product')], LocalLauncher(1))
"""


@pytest.fixture
def training(tmp_path):
    """Return a function: name, seconds -> stage that takes this long, less if it is resumed."""
    script = tmp_path / 'training.py'
    script.write_text(TRAINING)

    def make(name, seconds):
        folder = tmp_path / name
        return Stage(name, [str(script), str(folder), str(seconds)], folder, folder / 'product')

    return make


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'it took too long'
        time.sleep(0.05)


@pytest.fixture
def driver(training, tmp_path, root):
    """Start a driver in a separate process; return it and its stage when the stage trains."""
    script = tmp_path / 'driver.py'
    script.write_text(DRIVER)
    stage = training('a', 60)
    command = [sys.executable, script, tmp_path / 'training.py', stage.work_dir]
    with subprocess.Popen(command, env={**os.environ, 'PYTHONPATH': str(root)}) as process:
        until(lambda: (stage.work_dir / 'starts').exists())
        yield process, stage
        process.kill()


def test_runs_of_a_killed_driver_save_and_the_next_driver_goes_on(driver):
    process, stage = driver
    process.send_signal(signal.SIGKILL)
    process.wait()
    run_stages([stage], LocalLauncher(1))  # the tool fails if another one runs
    assert stage.finished
    assert (stage.work_dir / 'checkpoint').exists()
    assert len((stage.work_dir / 'starts').read_text()) == 2


def test_a_second_driver_waits_for_the_first_and_repeats_nothing(driver, root):
    process, stage = driver
    with subprocess.Popen(process.args, env={**os.environ, 'PYTHONPATH': str(root)}) as second:
        time.sleep(1)
        assert len((stage.work_dir / 'starts').read_text()) == 1
        process.send_signal(signal.SIGINT)
        assert second.wait(timeout=120) == 0
    assert len((stage.work_dir / 'starts').read_text()) == 2
    assert stage.finished


def test_tool_whose_attempt_was_killed_keeps_the_work_dir(training):
    stage = training('a', 1.5)
    launcher = LocalLauncher(2)
    first = launcher.start(stage)
    until(lambda: (stage.work_dir / 'starts').exists())
    first._process.kill()
    until(lambda: first.poll() is not None)
    second = launcher.start(stage)
    until(lambda: second.poll() is not None)
    assert second.poll() == 0, stage.log.read_text()  # the tool fails if another one runs
    assert stage.finished


def test_each_run_sees_a_gpu_of_its_own(training, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '3,5')
    stages = [training(name, 0.5) for name in 'abcd']
    launcher = LocalLauncher()
    assert launcher.size == 2
    run_stages(stages, launcher)
    used = [(stage.work_dir / 'starts').read_text().strip() for stage in stages]
    assert set(used[:2]) == set(used[2:]) == {'3', '5'}


def test_gpus_without_names_are_numbered(monkeypatch):
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    assert visible_gpus() == ['0', '1']


def test_more_jobs_than_gpus_share_them(monkeypatch, training):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '3,5')
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    launcher = LocalLauncher(3)
    assert launcher.size == 3
    stages = [training(name, 0.5) for name in 'abc']
    run_stages(stages, launcher)
    used = [(stage.work_dir / 'starts').read_text().strip() for stage in stages]
    assert used == ['3', '5', '3']


def test_the_status_of_a_preempted_training_is_known_here():
    assert PREEMPTED == EXIT_STATUS  # two constants, because an attempt must start without torch
