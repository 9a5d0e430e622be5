"""The slow part of `tests/test_outside_method.py`, with processes outside of pytest.

    make outside

Methods outside the package are killed and resumed, trained on two ranks with spawned workers, and
reproduced as a row of a table. Because of its name, pytest does not collect this file by default.
"""

import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mmcmd.reproduction.schedule import run_stages
from tests.test_outside_method import (
    GALLERY,
    METHODS,
    ROOT,
    TINY,
    TINY_ENCODER,
    arguments,
    outside,
    results,
    row,
)

__all__ = ['outside', 'row']  # fixtures


def start(*command, **variables):
    """Start a process. Its import path does not have the folder `outside`."""
    pipe = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.PIPE, 'text': True}
    return subprocess.Popen([*map(str, command)], env=os.environ | variables, **pipe)


@pytest.mark.parametrize('method', METHODS)
def test_run_killed_in_the_middle_of_an_epoch_resumes_bit_for_bit(method, outside, tmp_path):
    differences = runpy.run_path(str(ROOT / 'tests/faults/kill_and_resume.py'))['differences']
    options = TINY | GALLERY | TINY_ENCODER
    options |= {'train_cfg.max_epochs': 12, 'train_cfg.val_interval': 99}
    options |= {'default_hooks.checkpoint.by_epoch': False, 'train_dataloader.num_workers': 1}
    options |= {'default_hooks.checkpoint.interval': 4}  # an epoch has 3 iterations
    config = outside / f'{method}.py'

    def train(name, *others):
        command = ('train.py', config, '--work-dir', tmp_path / name, *others)
        return start(sys.executable, *arguments(*command, folder=outside, **options))

    processes = [train('whole'), train('killed')]
    try:
        pointer = tmp_path / 'killed' / 'last_checkpoint'
        until = time.monotonic() + 100
        while not pointer.exists() and time.monotonic() < until:
            assert processes[1].poll() is None, processes[1].stderr.read()
            time.sleep(0.002)
        processes[1].send_signal(signal.SIGKILL)
        processes[1].wait()
        assert Path(pointer.read_text()).stem in ('iter_4', 'iter_8'), 'the kill came late'
        processes.append(train('killed', '--resume'))
        for process in (processes[0], processes[2]):
            _, stderr = process.communicate(timeout=100)
            assert process.returncode == 0, stderr
    finally:
        for process in processes:
            process.kill()
            process.wait()
    whole, killed = (
        torch.load(tmp_path / name / 'iter_36.pth', weights_only=True)
        for name in ('whole', 'killed')
    )
    assert list(differences(whole, killed)) == []


def test_two_ranks_and_spawned_workers_find_the_method(outside, tmp_path):
    if not (Path(sys.executable).parent / 'torchrun').is_file() or torch.cuda.is_available():
        pytest.skip('needs torchrun, and ranks on the CPU')
    options = TINY | GALLERY | TINY_ENCODER | {'train_dataloader.num_workers': 1}
    options |= {'env_cfg.mp_cfg.mp_start_method': 'spawn', 'train_cfg.max_epochs': 1}
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    command = arguments('dist_train.sh', outside / 'masked.py', 2, folder=outside, **options)
    command[3:3] = ['--work-dir', str(tmp_path)]
    process = start(*command, PORT=port, PATH=path)
    _, stderr = process.communicate(timeout=150)
    assert process.returncode == 0, stderr[-3000:]
    assert 'knn/top1' in results(tmp_path)


def test_row_of_a_table_is_run_and_read(row):
    table, reproduction = row
    run_stages([x.stage for x in reproduction.runs(table)])
    (records,) = reproduction.records(table).values()
    assert all(0 <= record['runs'][0]['last'] <= 100 for record in records)
