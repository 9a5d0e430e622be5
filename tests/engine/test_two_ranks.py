"""Two ranks give the same weights, queues and accuracies as one, and stop together on errors."""

import json
import os
import pickle
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mmcmd.io.encoders import describe

SCRIPT = Path(__file__).with_name('two_ranks.py')
CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
LINEAR_CONFIG = 'benchmarks/linear.py'


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """Return the saved results of both ranks of a run with two, and of a run with one."""
    folder = tmp_path_factory.mktemp('ranks')
    jobs = [(0, 2), (1, 2), (0, 1)]
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(world_size), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank, world_size in jobs
    ]
    try:
        for process in processes:
            output, _ = process.communicate(timeout=120)
            assert process.returncode == 0, output
    finally:
        for process in processes:
            process.kill()
    return [
        torch.load(folder / f'{rank}_of_{world_size}.pth', weights_only=True)
        for rank, world_size in jobs
    ]


# torch's SyncBatchNorm refuses the CPU, so `synced` uses one that is written for the test.
@pytest.fixture(params=['eval', 'synced'])
def trained(results, request):
    """Return the three results with BatchNorm in evaluation mode, or synced."""
    return [result[request.param] for result in results]


def assert_close(first, second, name):
    torch.testing.assert_close(first, second, rtol=1e-11, atol=1e-12, msg=name)


def test_queues_of_all_ranks_are_identical_after_every_step(trained):
    first, second, alone = trained
    assert torch.equal(first['queues'], second['queues'])
    assert first['pointers'] == second['pointers'] == alone['pointers'] == [20 * 6 % 25] * 3
    assert first['queues'].dtype == torch.double
    assert_close(first['queues'], alone['queues'], 'queues')


def test_mean_loss_of_two_ranks_is_the_loss_of_one(trained):
    first, second, alone = trained
    assert {'loss_joint', 'loss_motion', 'loss_bone', 'loss_cmd'} < set(alone['losses'])
    for name, value in alone['losses'].items():
        mean = (first['losses'][name] + second['losses'][name]) / 2
        if name.startswith('loss'):
            assert_close(mean, value, name)
        else:  # accuracies are in single precision
            torch.testing.assert_close(mean, value)


def test_gradients_and_weights_of_two_ranks_are_those_of_one(trained):
    first, second, alone = trained
    for key in ('gradients', 'weights'):
        for name, value in alone[key].items():
            assert torch.equal(first[key][name], second[key][name]), name
            assert_close(first[key][name], value, name)
    assert all(value.abs().max() > 0 for value in alone['gradients'].values())


def test_nearest_neighbours_count_no_sample_twice(results):
    first, second, alone = results
    assert first['gallery'] == alone['gallery'] == 7
    assert second['gallery'] is None
    assert first['metrics'] == second['metrics'] == alone['metrics']
    assert 0 < alone['metrics']['knn/top1'] < 1


def test_features_that_two_ranks_encode_are_those_of_one(results):
    first, second, alone = results
    assert alone['feats'].shape == (2, 7, 1, 3, 8)
    assert alone['labels'].tolist() == [*range(7)]
    for rank in (first, second):
        torch.testing.assert_close(rank['feats'], alone['feats'])
        assert torch.equal(rank['labels'], alone['labels'])


@pytest.fixture
def launch(root, tmp_path):
    """Return a function: script of `tools`, arguments, variables -> finished process."""
    folder = Path(sys.executable).parent
    if not (folder / 'torchrun').is_file():
        pytest.skip(f'there is no torchrun in {folder}')
    if torch.cuda.is_available():
        pytest.skip('ranks on a GPU need one each')

    def launch(script, *arguments, **variables):
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            variables['PORT'] = str(probe.getsockname()[1])
        variables['PATH'] = f'{folder}{os.pathsep}{os.environ["PATH"]}'
        return subprocess.run(
            [root / 'tools' / script, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=150,
            env=os.environ | variables,
            cwd=tmp_path,
        )

    return launch


@pytest.fixture
def hard_pickle(tiny_pickle, tmp_path):
    """Return the tiny pickle with its labels shuffled: no accuracy on it is 0 or 1."""
    data = pickle.loads(tiny_pickle.read_bytes())
    labels = [sample['label'] for sample in data['annotations']]
    random.Random(0).shuffle(labels)
    for sample, label in zip(data['annotations'], labels, strict=True):
        sample['label'] = label
    path = tmp_path / 'hard.pkl'
    path.write_bytes(pickle.dumps(data, protocol=4))
    return path


@pytest.mark.parametrize('protocol', ['knn', 'linear'])
def test_accuracies_of_sizes_that_do_not_divide(
    protocol, make_runner, launch, tiny_options, tiny_linear_options, hard_pickle, tmp_path, root
):
    # 9 queries and a gallery of 15, in batches of 4: each rank has 5 and 8, and one sample of each
    # set is used twice. The weights are untrained.
    config, options = {
        'knn': (CMD_CONFIG, dict(tiny_options)),
        'linear': (LINEAR_CONFIG, tiny_linear_options | {'model.pretrained': 'random'}),
    }[protocol]
    for name in options:
        if name.startswith(('val_', 'test_')) and name.endswith('batch_size'):
            options[name] = 4
        if name.endswith('ann_file'):
            options[name] = str(hard_pickle)
    runner = make_runner(config, tmp_path / 'one', options)
    checkpoint = tmp_path / 'model.pth'
    runner._init_model_weights()
    meta = describe(runner.model, runner.cfg)
    torch.save({'state_dict': runner.model.state_dict(), 'meta': meta}, checkpoint)
    runner._load_from = str(checkpoint)
    runner.test()

    pairs = [f'{name}={x}' for name, x in options.items() if 'vis_backends' not in name]
    done = launch(
        *('dist_test.sh', root / 'configs' / config, checkpoint, 2),
        *('--work-dir', tmp_path / 'two', '--cfg-options', *pairs),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (
        json.loads((tmp_path / x / 'test_results.json').read_text()) for x in ('one', 'two')
    )
    assert one == two
    values = [entry['last'] for name, entry in one.items() if name.endswith('top1')]
    assert len(values) >= 4
    assert any(0 < value < 1 for value in values)
    assert all(value * 9 == pytest.approx(round(value * 9)) for value in values), 'of 9 queries'


FAULTS = """
import os, signal
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmcmd.registry import HOOKS

@HOOKS.register_module()
class Fault(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if get_rank() == 1 and runner.iter == 3:
            if os.environ['FAULT'] == 'killed':
                os.kill(os.getpid(), signal.SIGKILL)
            if os.environ['FAULT'] == 'error':
                raise LookupError('the data of this rank are gone')
            data_batch['inputs'][2][:] = float('inf')
"""


@pytest.fixture
def fail(root, launch, tiny_options, tmp_path):
    """Return a function: fault of rank 1 in iteration 4 -> output, cause in it, seconds to end."""
    (tmp_path / 'faults.py').write_text(FAULTS)
    (tmp_path / 'config.py').write_text(
        f'_base_ = {str(root / "configs" / CMD_CONFIG)!r}\n'
        "custom_imports = dict(imports=['mmcmd', 'faults'])\n"
        "custom_hooks = [dict(type='Fault')]\n"
    )
    options = {name: x for name, x in tiny_options.items() if 'vis_backends' not in name}
    options |= {'train_cfg.max_epochs': 500, 'train_cfg.val_interval': 999}
    pairs = [f'{name}={value}' for name, value in options.items()]

    def fail(fault):
        done = launch(
            *('dist_train.sh', 'config.py', 2, '--work-dir', tmp_path / 'work'),
            *('--cfg-options', *pairs),
            FAULT=fault,
            PYTHONPATH=os.pathsep.join([str(tmp_path), str(root)]),
        )
        ended = time.time()
        assert done.returncode == 1, done.stderr[-3000:]
        # The last checkpoint before the fault.
        checkpoint = tmp_path / 'work' / 'epoch_3.pth'
        assert (tmp_path / 'work' / 'last_checkpoint').read_text() == str(checkpoint)
        torch.load(checkpoint, weights_only=True)
        cause = done.stderr.split('Root Cause')[1]
        assert re.search(r'rank +: 1 ', cause)
        return done.stdout + done.stderr, cause, ended - checkpoint.stat().st_mtime

    return fail


@pytest.mark.parametrize(
    ('fault', 'reason'),
    [
        ('killed', 'Signal 9 (SIGKILL)'),
        ('error', 'LookupError: the data of this rank are gone'),
        ('not finite', 'the loss is not finite in iteration 4 (epoch 4) on rank 1: loss_joint is'),
    ],
)
def test_rank_that_dies_ends_the_job_within_a_minute(fault, reason, fail, tmp_path):
    output, cause, seconds = fail(fault)
    assert reason in cause
    assert seconds < 60
    assert '[rank0]: Traceback' not in output, 'a rank that the fault is not of'
    assert 'SIGABRT' not in output
    assert 'NUM_THREADS' not in output, "mmengine's warning about its threads"
    assert 'ChildFailedError' not in output, "torchrun's own traceback"
    if fault == 'not finite':
        assert 'the loss of another rank is not finite in iteration 4 (epoch 4)' in output
        batch = torch.load(tmp_path / 'work' / 'nonfinite_batch_rank1.pth', weights_only=True)
        assert not batch['inputs'][2].isfinite().any()
        assert batch['names'][2] in cause
