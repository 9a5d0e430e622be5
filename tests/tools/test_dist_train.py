"""`tools/dist_train.sh` with two ranks, on the CPU."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture
def environment():
    """Return variables with torchrun on the PATH and a free port."""
    folder = Path(sys.executable).parent
    if not (folder / 'torchrun').is_file():
        pytest.skip(f'there is no torchrun in {folder}')
    if torch.cuda.is_available():
        pytest.skip('ranks on a GPU need one each')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    return os.environ | {'PATH': f'{folder}{os.pathsep}{os.environ["PATH"]}', 'PORT': str(port)}


def test_two_ranks_train_and_write_one_checkpoint(root, tiny_options, tmp_path, environment):
    dropped = 'vis_backends', 'max_epochs'
    options = {name: x for name, x in tiny_options.items() if not name.endswith(dropped)}
    options['train_cfg.max_epochs'] = 1
    done = subprocess.run(
        [
            *(root / 'tools' / 'dist_train.sh', root / 'configs/cmd/cmd_bigru_ntu60_xsub.py', '2'),
            *('--work-dir', tmp_path / 'work', '--cfg-options'),
            *(f'{name}={value}' for name, value in options.items()),
        ],
        capture_output=True,
        text=True,
        timeout=150,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    checkpoint = torch.load(tmp_path / 'work' / 'epoch_1.pth', weights_only=True)
    # 15 sequences for 2 ranks are 8 each: one batch of 5. The queue has the keys of both ranks.
    assert checkpoint['meta']['iter'] == 1
    assert checkpoint['state_dict']['queues.joint.queue_ptr'].item() == 2 * 5
    assert not [name for name in checkpoint['state_dict'] if name.startswith('module.')]
    assert (tmp_path / 'work' / 'results.json').is_file()


def test_script_without_the_number_of_gpus_says_how_to_call_it(root):
    command = [root / 'tools' / 'dist_train.sh', 'config.py']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh'])
@pytest.mark.parametrize('gpus', ['x', '0', '-1', ''])
def test_a_wrong_number_of_gpus_is_one_sentence(root, script, gpus):
    before = ['config.py'] if script == 'dist_train.sh' else ['config.py', 'epoch_1.pth']
    done = subprocess.run(
        ['bash', root / 'tools' / script, *before, gpus], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.endswith(f"the number of GPUs must be 1 or more, got '{gpus}'\n")
    assert done.stderr.count('\n') == 1
