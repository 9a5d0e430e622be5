"""A launcher starts one rank: with gloo on a CPU, with NCCL on a GPU."""

import os
import socket
import subprocess
import sys

import torch


def test_one_rank_of_a_launcher_trains(root, tiny_options, tmp_path, device):
    variables = dict(RANK='0', LOCAL_RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1')
    variables['NCCL_DEBUG'] = 'INFO'
    if device == 'cpu':
        variables['CUDA_VISIBLE_DEVICES'] = ''
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        variables['MASTER_PORT'] = str(probe.getsockname()[1])
    options = {name: x for name, x in tiny_options.items() if 'vis_backends' not in name}
    pairs = [f'{name}={value}' for name, value in options.items()]
    done = subprocess.run(
        [
            *(sys.executable, root / 'tools/train.py'),
            *(root / 'configs/cmd/cmd_bigru_ntu60_xsub.py', '--work-dir', tmp_path),
            *('--verbose', '--launcher', 'pytorch', '--cfg-options', *pairs),
        ],
        capture_output=True,
        text=True,
        timeout=150,
        env=os.environ | variables,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    output = done.stdout + done.stderr
    assert 'Distributed launcher: pytorch' in output
    assert 'FutureWarning' not in output
    assert ('NCCL INFO' in output) == (device == 'cuda')
    state = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)['state_dict']
    assert all(x.isfinite().all() for x in state.values())
