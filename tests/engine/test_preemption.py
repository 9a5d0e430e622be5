"""After a scheduler's signal, the run saves a checkpoint, and `--resume` continues exactly."""

import multiprocessing
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from mmcmd.cli import parse_options
from mmcmd.signals import EXIT_STATUS

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
LINEAR_CONFIG = 'benchmarks/linear.py'
SCRIPT = Path(__file__).with_name('two_ranks_preempted.py')


class SignalHook(Hook):
    """Sends this process a signal, in a training iteration or in another phase of an epoch."""

    def __init__(self, number, train=None, val=None, gallery=None, features=None):
        self.number, self.train, self.val = number, train, val
        self.gallery, self.features = gallery, features

    def before_train_iter(self, runner, **kwargs):
        if runner.iter == self.train:
            os.kill(os.getpid(), self.number)

    def before_val_iter(self, runner, **kwargs):
        if runner.epoch == self.val:
            os.kill(os.getpid(), self.number)

    def after_gallery_iter(self, runner):
        if runner.epoch == self.gallery:
            os.kill(os.getpid(), self.number)

    def after_feature_iter(self, runner):
        if runner.epoch == self.features:
            os.kill(os.getpid(), self.number)


@pytest.fixture(scope='module', autouse=True)
def plain_config():
    """Skip the formatting of the config, which takes most of mmengine's time for a checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', 'the config')
        yield


@pytest.fixture(scope='module')
def differences(root):
    """Return a function: two checkpoints -> names of values that differ in any bit."""
    return runpy.run_path(str(root / 'tests/faults/kill_and_resume.py'))['differences']


@pytest.fixture(autouse=True)
def handlers():
    """Restore the signal handlers. A process that ends does not restore them."""
    numbers = signal.SIGTERM, signal.SIGUSR1
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def train(make_runner, tiny_options, tmp_path):
    """Return a function: options, hooks -> runner."""

    def train(*hooks, **options):
        runner = make_runner(CMD_CONFIG, tmp_path, tiny_options | options)
        for hook in hooks:
            runner.register_hook(hook)
        runner.train()
        return runner

    return train


@pytest.mark.parametrize(
    ('number', 'moment', 'at'),
    [
        (signal.SIGUSR1, {'train': 4}, (1, 5, 10, True)),
        (signal.SIGTERM, {'train': 5}, (1, 6, 15, True)),
        (signal.SIGTERM, {'val': 1}, (1, 3, 0, False)),
        (signal.SIGUSR1, {'gallery': 1}, (1, 3, 0, False)),
    ],
    ids=['middle of an epoch', 'last iteration', 'validation', 'gallery'],
)
def test_run_stops_with_its_own_status_and_goes_on(
    train, pretrained, differences, tmp_path, number, moment, at
):
    with pytest.raises(SystemExit) as stop:
        train(SignalHook(number, **moment))
    assert stop.value.code == EXIT_STATUS == 85
    saved = torch.load(tmp_path / 'preempted.pth', weights_only=True)
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'preempted.pth')
    meta, loop = saved['meta'], saved['loop']
    assert (meta['epoch'], meta['iter'], loop['samples'], loop['validated']) == at

    train(resume=True)
    assert not (tmp_path / 'preempted.pth').exists(), 'outdated by the next checkpoint'
    whole, resumed = (
        torch.load(folder / 'epoch_2.pth', weights_only=True) for folder in (pretrained, tmp_path)
    )
    assert list(differences(whole, resumed)) == []


def test_linear_evaluation_stops_while_it_encodes_features_and_goes_on(
    make_runner, tiny_linear_options, differences, tmp_path
):
    options = tiny_linear_options | {'model.pretrained': 'random'}
    options['train_cfg.type'] = 'CachedFeatureLoop'
    make_runner(LINEAR_CONFIG, tmp_path / 'whole', options).train()
    runner = make_runner(LINEAR_CONFIG, tmp_path / 'cut', options)
    runner.register_hook(SignalHook(signal.SIGTERM, features=0))
    with pytest.raises(SystemExit) as stop:
        runner.train()
    assert stop.value.code == EXIT_STATUS
    assert [path.name for path in (tmp_path / 'cut').glob('*.pth')] == ['preempted.pth']
    make_runner(LINEAR_CONFIG, tmp_path / 'cut', options | {'resume': True}).train()
    whole, resumed = (
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=True) for name in ('whole', 'cut')
    )
    assert list(differences(whole, resumed)) == []


@pytest.mark.parametrize(
    ('phase', 'ranks', 'number'),
    [('train', 1, 'SIGTERM'), ('gallery', 2, 'SIGUSR1')],
)
def test_signal_to_all_processes_leaves_a_checkpoint_and_no_process(
    root, make_runner, differences, tmp_path, monkeypatch, phase, ranks, number
):
    """Run cases of the drill in tests/faults: `tools/train.py` with four workers."""
    if ranks > 1 and torch.cuda.is_available():
        pytest.skip('ranks on a GPU need one each')
    drill = runpy.run_path(str(root / 'tests/faults/preemption.py'))
    drill['write_files'](tmp_path)
    job = drill['Job'](drill['Case'](phase, ranks, 4, number, 'job'), tmp_path, 'cut')
    seconds, faults = job.preempt(random.Random(0))
    assert faults == '', job.log.read_text()[-3000:]
    assert seconds < drill['LIMIT']
    if phase == 'train':
        monkeypatch.syspath_prepend(tmp_path)
        changes = parse_options(drill['options'](tmp_path / 'data.pkl', 'cmd', workers=0))
        for name in ('train_dataloader', 'val_dataloader', 'val_cfg.gallery_dataloader'):
            changes[f'{name}.persistent_workers'] = False
        for name, resume in [('whole', False), ('cut', True)]:
            make_runner(tmp_path / 'cmd.py', tmp_path / name, changes | {'resume': resume}).train()
        last = f'epoch_{drill["EPOCHS"]}.pth'
        whole, resumed = (
            torch.load(tmp_path / name / last, weights_only=True) for name in ('whole', 'cut')
        )
        assert list(differences(whole, resumed)) == []


def test_no_worker_outlives_the_training(train):
    loader = 'train_dataloader'
    runner = train(**{f'{loader}.num_workers': 1, f'{loader}.persistent_workers': True})
    assert runner.train_dataloader.persistent_workers
    assert not multiprocessing.active_children()


def test_signals_are_the_process_s_own_again_after_the_training(train):
    before = signal.getsignal(signal.SIGTERM)
    during = []

    class Look(Hook):
        def before_train_iter(self, runner, **kwargs):
            during.append(signal.getsignal(signal.SIGTERM))
            if runner.iter == 1:
                raise RuntimeError('stop')

    with pytest.raises(RuntimeError, match='stop'):
        train(Look())
    assert during[0] != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_without_the_loop_that_can_resume_signals_are_left_alone(train):
    during = []

    class Look(Hook):
        def before_train_iter(self, runner, **kwargs):
            during.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    train(Look(), **{'train_cfg.type': 'EpochBasedTrainLoop', 'train_cfg.max_epochs': 1})
    assert set(during) == {before}


def test_ranks_stop_together_and_go_on_exactly(tiny_pickle, tmp_path):
    """Only one of two ranks receives the signal, in the middle of an epoch."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    ranks = [
        subprocess.Popen(
            [sys.executable, SCRIPT, tiny_pickle, tmp_path],
            env=os.environ
            | {'RANK': str(rank), 'LOCAL_RANK': str(rank), 'WORLD_SIZE': '2'}
            | {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for process in ranks:
            output, _ = process.communicate(timeout=200)
            assert process.returncode == 0, output[-3000:]
    finally:
        for process in ranks:
            process.kill()
    preempted = torch.load(tmp_path / 'preempted_copy.pth', weights_only=True)
    assert (preempted['meta']['epoch'], preempted['meta']['iter']) == (1, 5)
    own = preempted['rank_state_dicts']
    assert own[0] == {}
    assert own[1]
    assert all('running_' in name for name in own[1]), 'BatchNorm sees the share of a rank'
    whole, resumed = (
        [torch.load(tmp_path / f'{name}_{rank}.pth', weights_only=True) for rank in range(2)]
        for name in ('whole', 'resumed')
    )
    for rank in range(2):
        assert whole[rank].keys() == resumed[rank].keys()
        for name, value in whole[rank].items():
            assert torch.equal(value, resumed[rank][name]), (rank, name)
