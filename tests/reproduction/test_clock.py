"""Trainings of equal time: the speed is measured, and the steps are set in proportion."""

import json

import pytest

from mmcmd.apis import load_config
from mmcmd.cli import parse_options
from mmcmd.errors import InputError
from mmcmd.reproduction.clock import EPOCH_STEPS, MEASURED_EPOCHS, Clock, Steps, schedule
from mmcmd.reproduction.paper import Cell
from mmcmd.reproduction.runs import Reproduction


@pytest.fixture(autouse=True)
def in_repository(root, monkeypatch):
    monkeypatch.chdir(root)


@pytest.fixture
def make(tmp_path):
    def make(minutes=2.0):
        return Reproduction(
            'bandai2_xstyle', tmp_path, (0, 1), clock=Clock(minutes, tmp_path / 'r')
        )

    return make


def finish(stage, seconds):
    """Write the files of a measurement with these seconds for each step."""
    logs = stage.work_dir / '20260101_000000/vis_data'
    logs.mkdir(parents=True)
    records = [
        {'epoch': epoch + 1, 'iter': (epoch + 1) * EPOCH_STEPS, 'step': 1, 'time': value}
        for epoch, value in enumerate(seconds)
    ]
    (logs / 'scalars.json').write_text('\n'.join(map(json.dumps, records)))
    stage.product.write_bytes(b'weights')
    (stage.work_dir / 'stage.done').write_text(f'{stage.signature} 9\n')


def test_epochs_are_what_fits_into_the_minutes(make):
    first = make()
    first.pretraining('CMD', 0)
    (stage,) = first.clock.stages.values()
    assert f'train_cfg.max_epochs={MEASURED_EPOCHS}' in stage.command
    finish(stage, [9.0, 0.5])  # the first epoch warms up
    runs = [make().pretraining('CMD', seed) for seed in (0, 1)]
    assert {one.epochs for one in runs} == {int(120 / (0.5 * EPOCH_STEPS))}
    assert {one.minutes for one in runs} == {2.0}
    assert all(one.config.train_cfg.epoch_steps == EPOCH_STEPS for one in runs)


def test_method_that_starts_from_another_one_is_measured_without_it(make):
    one = make()
    mamp, stars = one.pretrainings('STARS', 0)
    measured = one.clock.stages['STARS']
    assert not measured.needs
    assert not any('encoder_from' in x for x in measured.command)
    assert f'model.encoder_from={mamp.stage.product}' in stars.stage.command
    assert mamp.stage in stars.stage.needs


def test_only_what_competes_is_timed(make):
    one = make()
    for cell in (
        Cell('CMD', 'linear_small', '3s'),
        Cell('raw', 'dtw', '3s'),
        Cell('random', 'knn', '3s'),
        Cell('random', 'scratch', '3s'),
    ):
        one.chain(cell, 0)
    assert set(one.clock.stages) == {'CMD', 'random, scratch'}


def test_too_few_minutes_are_told(make):
    first = make()
    first.pretraining('CMD', 0)
    finish(next(iter(first.clock.stages.values())), [9.0, 6.0])
    with pytest.raises(
        InputError,
        match=r'CMD takes 2\.50 minutes .* --minutes 2 is too short; give at least 2\.50',
    ):
        make().pretraining('CMD', 0)


@pytest.mark.parametrize(
    ('method', 'key', 'share'), [('aimclr', 'mining_epoch', 0.5), ('crossclr', 'cross_epoch', 0.5)]
)
def test_schedule_keeps_its_shares(method, key, share):
    arguments = {'data': 'bandai2_xstyle', 'budget': 'small'}
    path = f'configs/{method}/{method}.py'
    config = load_config(path, **arguments)
    options = schedule(config, 180)
    changed = load_config(path, **arguments, options=parse_options(options))
    assert changed.train_cfg.max_epochs == 180
    assert changed.param_scheduler[0].milestones == [150], '15 of 18'
    assert changed.model[key] == 180 * share
    assert 180 / changed.train_cfg.val_interval == 6


def test_a_training_on_few_labels_is_never_made_longer(make):
    path, arguments = 'configs/baselines/supervised.py', {'data': 'bandai2_xstyle'}
    subset = {'train_dataloader.dataset.subset.per_class': 5}
    config = load_config(path, **arguments, options=subset)
    assert 'train_cfg.max_epochs=24' in schedule(config, 500)
    assert 'train_cfg.max_epochs=7' in schedule(config, 7)


def test_steps_give_every_training_the_same_length_and_its_own_shares(tmp_path):
    one = Reproduction('bandai2_xstyle', tmp_path, budget='own', clock=Steps(615))
    for name in ('AimCLR', 'MAMP'):
        config = one.pretraining(name, 0).config
        assert config.train_cfg.epoch_steps * config.train_cfg.max_epochs == 600
    config = one.pretraining('AimCLR', 0).config
    assert config.model.mining_epoch == 12, 'half of the training, as published'
    assert config.param_scheduler[0].milestones == [20], '250 of 300'
    warmup = one.pretraining('MAMP', 0).config.param_scheduler[0].warmup
    assert warmup == 1, '20 of 400'
    assert not one.clock.stages, 'nothing is measured first'
    evaluation = one.chain(Cell('AimCLR', 'linear', 'joint'), 0)[-1]
    assert evaluation.epochs == load_config('configs/benchmarks/linear.py').train_cfg.max_epochs


def test_steps_for_less_than_an_epoch_are_told():
    with pytest.raises(InputError, match='--steps 24 is too few: an epoch has 25 steps'):
        Steps(24)
