"""A full disk or a full GPU ends with one sentence, and the last checkpoint is complete."""

import errno
import os
import shutil
import subprocess
import sys

import pytest
import torch

from mmcmd import cli
from mmcmd.datasets import SkeletonDataset
from mmcmd.io import files as fileio
from mmcmd.models import CMD


@pytest.fixture
def arguments(root, tiny_options, tmp_path):
    """Return a function: work dir -> arguments of `train.py` for six epochs."""
    options = {name: x for name, x in tiny_options.items() if 'vis_backends' not in name}
    options |= {'train_cfg.max_epochs': 6, 'train_cfg.val_interval': 9}
    options['experiment_name'] = tmp_path.name  # mmengine keys its global loggers by it

    def make(work_dir):
        config = root / 'configs/cmd/cmd_bigru_ntu60_xsub.py'
        pairs = (f'{name}={value}' for name, value in options.items())
        return list(map(str, [config, '--work-dir', work_dir, '--cfg-options', *pairs]))

    return make


def check_sentence(status, stderr):
    assert status == 2, stderr
    assert stderr.count('\n') == 1
    assert stderr.startswith('train.py: error: the disk is full; the checkpoints written before')
    assert 'No space left on device' in stderr


def check_whole(work_dir, epoch):
    latest = work_dir / f'epoch_{epoch}.pth'
    assert (work_dir / 'last_checkpoint').read_text() == str(latest)
    assert torch.load(latest, weights_only=True)['meta']['epoch'] == epoch
    assert not (work_dir / f'epoch_{epoch + 1}.pth').exists()
    assert not list(work_dir.glob('.*.part'))


def test_no_room_for_a_checkpoint(arguments, run_tool, tiny_pickle, tmp_path, monkeypatch):
    SkeletonDataset(str(tiny_pickle), [])  # makes the store, which is also large
    fsync, written = os.fsync, []

    def full_at_the_third(descriptor):
        if os.fstat(descriptor).st_size > 100_000:  # a checkpoint
            written.append(descriptor)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, 'No space left on device')
        fsync(descriptor)

    monkeypatch.setattr(fileio.os, 'fsync', full_at_the_third)
    status, _, stderr = run_tool('train.py', *arguments(tmp_path / 'work'))
    check_sentence(status, stderr)
    check_whole(tmp_path / 'work', epoch=2)


def test_disk_that_is_really_full(root, arguments, tmp_path):
    """A file system of 700 KB, in its own mount namespace, has room for two checkpoints."""
    unshare = ['unshare', '--mount', '--map-root-user']
    if (
        not shutil.which('unshare')
        or subprocess.run([*unshare, 'true'], stderr=subprocess.DEVNULL).returncode
    ):
        pytest.skip('needs the right to mount a small file system')
    disk, kept = tmp_path / 'disk', tmp_path / 'kept'
    disk.mkdir()
    script = (
        'mount -t tmpfs -o size=700k none "$1" || exit 99; disk=$1; kept=$2; shift 2; '
        '"$@"; status=$?; cp -r "$disk" "$kept"; exit $status'
    )
    done = subprocess.run(
        [
            *(*unshare, 'sh', '-c', script, 'sh', disk, kept),
            *(sys.executable, root / 'tools' / 'train.py', *arguments(disk)),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    if done.returncode == 99:
        pytest.skip('needs the right to mount a small file system')
    check_sentence(done.returncode, done.stderr)
    (kept / 'last_checkpoint').write_text(
        (kept / 'last_checkpoint').read_text().replace(str(disk), str(kept))
    )
    check_whole(kept, epoch=2)


def test_gpu_out_of_memory(arguments, run_tool, tmp_path, monkeypatch):
    def loss(self, inputs, data_samples=None):
        raise torch.cuda.OutOfMemoryError(
            'CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB'
        )

    monkeypatch.setattr(CMD, 'loss', loss)
    status, _, stderr = run_tool('train.py', *arguments(tmp_path / 'work'))
    assert status == 2
    assert stderr.count('\n') == 1
    assert stderr.startswith('train.py: error: the GPU is out of memory; lower train_dataloader.')
    for part in ('model.queue.size', 'model.backbone.hidden_size', '--amp'):
        assert part in stderr


@pytest.mark.gpu
def test_gpu_that_really_is_full(arguments, run_tool, tmp_path):
    options = 'model.backbone.hidden_size=512', 'model.neck.in_channels=1024'  # 50 MB of weights
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        status, _, stderr = run_tool('train.py', *arguments(tmp_path / 'work'), *options)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert status == 2, stderr
    assert 'train.py: error: the GPU is out of memory; lower train_dataloader.' in stderr
    assert 'CUDA out of memory' in stderr


@pytest.mark.parametrize(
    'reason',
    ['cuDNN error: CUDNN_STATUS_ALLOC_FAILED', 'CUDA error: out of memory\nCompile with ...'],
)
def test_gpu_out_of_memory_in_a_library(capsys, reason):
    def main():
        raise RuntimeError(reason)

    with pytest.raises(SystemExit, match='2'):
        cli.run(main)
    stderr = capsys.readouterr().err
    assert stderr.count('\n') == 1
    assert 'error: the GPU is out of memory; lower train_dataloader.batch_size' in stderr
