"""A method gets epoch, progress and generator; after a resume they are exactly the same."""

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from mmcmd.models import CMD
from mmcmd.registry import MODELS
from mmcmd.structures import get_sample_ids

CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
EPOCHS, ITERATIONS = 3, 3  # iterations of an epoch
SAVED = {'default_hooks.checkpoint.by_epoch': False, 'default_hooks.checkpoint.interval': 2}


class CutOffError(Exception):
    """Ends a run in the middle of an epoch."""


class Record(Hook):
    """Records epoch and progress of the model before each iteration, and draws of its generator."""

    def __init__(self, stop=None):
        self.seen, self.stop = {}, stop

    def before_train_iter(self, runner, **kwargs):
        if runner.iter == self.stop:
            raise CutOffError
        model = runner.model
        state = model.generator.get_state()
        drawn = torch.rand(3, generator=model.generator).tolist()
        model.generator.set_state(state)
        self.seen[runner.iter] = model.epoch, model.progress, drawn


@pytest.fixture(scope='module', autouse=True)
def drawing():
    """Register a method with a loss that depends on all values that a resume must restore."""

    @MODELS.register_module(force=True)
    class DrawingCMD(CMD):
        def loss(self, inputs, data_samples=None):
            mask = torch.rand(inputs.shape[3:5], generator=self.generator) > self.progress / 2
            ids = get_sample_ids(data_samples, inputs.device)
            losses = super().loss(inputs * mask[..., None], data_samples)
            return losses | {'loss_own': losses['loss_joint'] * (1 + self.epoch) * ids.sum() / 100}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', 'the config')
        yield
    MODELS.module_dict.pop('DrawingCMD')


@pytest.fixture
def train(make_runner, tiny_options, tmp_path):
    """Return a function: name, where to cut off, options -> what was recorded."""

    def train(name, stop=None, **options):
        options = {'model.type': 'DrawingCMD', 'train_cfg.max_epochs': EPOCHS, **options}
        runner = make_runner(CONFIG, tmp_path / name, tiny_options | SAVED | options)
        runner.register_hook(record := Record(stop))
        if stop is None:
            runner.train()
        else:
            with pytest.raises(CutOffError):
                runner.train()
        return record.seen

    return train


@pytest.mark.parametrize('stop', [2, 5, 8])
def test_resumed_run_goes_on_with_the_same_values_draws_and_weights(train, tmp_path, stop):
    whole = train('whole')
    before = train('cut', stop)
    after = train('cut', resume=True)
    last = stop - stop % 2  # a checkpoint every two iterations
    assert list(after) == list(range(last, EPOCHS * ITERATIONS))
    assert before | after == whole
    states = [
        torch.load((tmp_path / x / 'last_checkpoint').read_text(), weights_only=True)['state_dict']
        for x in ('whole', 'cut')
    ]
    for name, value in states[0].items():
        assert torch.equal(states[1][name], value), name


def test_values_are_those_of_the_iteration_and_draws_those_of_the_seed(train):
    first, same, other = train('a'), train('b'), train('c', **{'randomness.seed': 7})
    for iteration, (epoch, progress, _) in first.items():
        assert epoch == iteration // ITERATIONS
        assert progress == iteration / (EPOCHS * ITERATIONS)
    assert first == same
    draws = [tuple(drawn) for seen in (first, other) for *_, drawn in seen.values()]
    assert len(set(draws)) == len(draws)
