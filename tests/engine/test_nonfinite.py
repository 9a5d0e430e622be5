"""A NaN loss stops the run at once; its batch is saved and the last good checkpoint is kept."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook

from mmcmd.engine import NonFiniteHook
from mmcmd.errors import InputError

CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
OPTIONS = {'train_cfg.val_interval': 9}


class Spoil(Hook):
    """Do something once, before or after the update of an iteration; 3 iterations are an epoch."""

    def __init__(self, iteration, spoil, after=False):
        self.iteration, self.spoil, self.after = iteration, spoil, after

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 == self.iteration and not self.after:
            self.spoil(runner.model, data_batch)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration and self.after:
            self.spoil(runner.model, data_batch)


def spoil_sample(model, batch):
    batch['inputs'][3][0, 1, 0, 2, 1] = math.nan


def spoil_weights(model, batch):
    weight = model.necks['motion'].out.weight
    with torch.no_grad():
        weight[0, 0] = math.inf


def stop_of(runner):
    with pytest.raises(InputError) as stop:
        runner.train()
    text = str(stop.value)
    assert '\n' not in text
    return text


def check_last_good(work_dir):
    assert [path.name for path in work_dir.glob('epoch_*.pth')] == ['epoch_1.pth']
    state = torch.load(work_dir / 'epoch_1.pth', weights_only=True)['state_dict']
    assert all(value.isfinite().all() for value in state.values())


# In the middle of an epoch, and in its last iteration, after which a checkpoint is saved.
@pytest.mark.parametrize('iteration', [5, 6])
def test_sample_that_is_not_finite(iteration, make_runner, tiny_options, tmp_path):
    runner = make_runner(CONFIG, tmp_path, tiny_options | OPTIONS)
    runner.register_hook(Spoil(iteration, spoil_sample))
    text = stop_of(runner)

    batch = torch.load(tmp_path / 'nonfinite_batch.pth', weights_only=True)
    assert (batch['epoch'], batch['iter']) == (2, iteration)
    assert math.isnan(batch['losses']['loss_joint'])
    assert [x.isfinite().all().item() for x in batch['inputs']] == [True, True, True, False, True]
    assert len(set(batch['names'])) == 5
    assert all(name.startswith('sample') for name in batch['names'])
    for part in (
        f'not finite in iteration {iteration} (epoch 2): loss_joint is nan, ',
        'loss_cmd is nan; ',
        f'{batch["names"][3]} of its 5 samples hold NaN or infinity',
        str(tmp_path / 'nonfinite_batch.pth'),
        f'the last good checkpoint is {tmp_path / "epoch_1.pth"}',
    ):
        assert part in text
    check_last_good(tmp_path)


def test_weights_that_are_not_finite(make_runner, tiny_options, tmp_path):
    runner = make_runner(CONFIG, tmp_path, tiny_options | OPTIONS)
    runner.register_hook(Spoil(2, spoil_weights))
    text = stop_of(runner)
    assert 'in iteration 2 (epoch 1): loss_motion is nan, loss_cmd is nan; ' in text
    assert 'all values of its 5 samples (sample' in text
    assert 'no checkpoint was saved before it; lower optim_wrapper.optimizer.lr' in text
    assert not list(tmp_path.glob('*epoch*.pth'))


def test_update_that_is_not_finite_after_a_finite_loss(make_runner, tiny_options, tmp_path):
    runner = make_runner(CONFIG, tmp_path, tiny_options | OPTIONS)
    runner.register_hook(Spoil(6, spoil_weights, after=True))
    text = stop_of(runner)
    assert 'after 6 iterations, first necks.motion.out.weight' in text
    assert f'the last good checkpoint is {tmp_path / "epoch_1.pth"}' in text
    check_last_good(tmp_path)


def test_classifier_too(make_runner, tiny_linear_options, tmp_path):
    options = tiny_linear_options | {'model.pretrained': 'random'}
    config = 'benchmarks/linear.py'
    runner = make_runner(config, tmp_path, options)
    runner.register_hook(Spoil(1, spoil_sample))
    assert 'in iteration 1 (epoch 1): loss_joint is nan' in stop_of(runner)


def test_no_iteration_waits_for_its_own_loss(monkeypatch, tmp_path):
    hook = NonFiniteHook()
    runner = SimpleNamespace(epoch=0, iter=0, work_dir=str(tmp_path))
    batch = {'inputs': torch.zeros(1, 2), 'data_samples': [SimpleNamespace(metainfo={})]}

    def look(loss):
        hook.after_train_iter(runner, 0, batch, {'loss': torch.tensor(loss)})

    look(math.inf)  # the next call finds it
    with pytest.raises(InputError, match=r'loss is inf; .* \(number 0\)'):
        look(1.0)
    # In the same iteration, no value of a tensor is read.
    with monkeypatch.context() as patch:
        for name in ('item', 'tolist', '__bool__', '__float__'):
            patch.setattr(torch.Tensor, name, None)
        look(math.nan)
    with pytest.raises(InputError):
        hook.after_train_epoch(runner)
