"""`train.py configs/recipes/small.py --minutes` measures a step, and ends with a table."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from mmcmd.apis import load_config
from mmcmd.errors import InputError
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.recipe import Evaluation, Pace, choose_steps, measure_pace, plan_minutes, worth_it
from mmcmd.recipe.schedule import MARGIN, ROUNDS, STEPS

CONFIG = 'configs/recipes/small.py'
TINY = {
    'model.backbone.hidden_size': 4,
    'model.neck.out_channels': 6,
    'train_cfg.epoch_steps': 2,
    'clip_len': 8,
    'final_evaluation.epochs': 1,
    # The start of a worker takes longer than all steps together.
    **{
        f'{name}_dataloader.{key}': value
        for name in ('train', 'val', 'test')
        for key, value in (('num_workers', 0), ('persistent_workers', False))
    },
}


@pytest.fixture
def cfg(root, tiny_pickle, tmp_path):
    """Return a function: options -> config of the recipe, tiny."""

    def make(options=()):
        cfg = load_config(root / CONFIG, data=str(tiny_pickle), options=TINY | dict(options))
        cfg.work_dir = str(tmp_path / 'work')
        Path(cfg.work_dir).mkdir(exist_ok=True)
        return cfg

    return make


def test_steps_and_validations_fit_into_the_time():
    pace = Pace(step=0.1, validation=5)
    for seconds in (120, 300, 1800):
        epochs, interval = choose_steps(pace, 100, seconds)
        validations = -(-epochs // interval)
        spent = epochs * 10 * MARGIN + validations * 5 + pace.evaluation
        assert seconds - 25 < spent <= seconds
        assert 1 <= validations <= 4
    assert choose_steps(pace, 100, 60) == (0, 0)


def test_pace_is_measured_and_nothing_is_kept(cfg):
    config = cfg()
    before = config.to_dict()
    pace = measure_pace(config)
    assert 0 < pace.step < 2
    assert 0 < pace.validation < 20
    assert config.to_dict() == before
    assert not list(Path(config.work_dir).iterdir())


def test_measurement_ends_after_two_rounds_if_the_machine_is_slow(cfg, monkeypatch):
    steps, train_step = [], BasePretrainer.train_step

    def count(*arguments, **options):
        steps.append(1)
        return train_step(*arguments, **options)

    monkeypatch.setattr(BasePretrainer, 'train_step', count)
    pace = measure_pace(cfg(), seconds=0.0)
    assert len(steps) == 2 * STEPS
    assert 0 < pace.step < 2
    assert 0 < pace.validation < 20
    measure_pace(cfg(), seconds=600.0)
    assert len(steps) == (2 + ROUNDS) * STEPS


def test_plan_is_kept_by_a_resumed_training(cfg):
    first = cfg()
    plan_minutes(first, 2, started=_now())
    plan = json.loads(Path(first.work_dir, 'plan.json').read_text())
    assert plan['epochs'] == first.train_cfg.max_epochs > 1
    assert any('steps' in note and 'train_cfg.max_epochs=' in note for note in first.notes)
    resumed = cfg()
    plan_minutes(resumed, 99, started=_now(), resumed=True)
    assert resumed.train_cfg.max_epochs == first.train_cfg.max_epochs


def test_too_few_minutes_are_refused_with_the_least_number(cfg):
    with pytest.raises(
        InputError, match=r'--minutes 0.01 is too few .* give at least --minutes \d'
    ):
        plan_minutes(cfg(), 0.01, started=_now())


def test_minutes_are_refused_where_they_make_no_sense(root, cfg):
    with pytest.raises(InputError, match='--minutes -1 must be more than 0'):
        plan_minutes(cfg(), -1, started=_now())
    counts_epochs = load_config(root / 'configs/cmd/cmd.py')
    with pytest.raises(InputError, match=r'configs/cmd/cmd\.py counts epochs'):
        plan_minutes(counts_epochs, 5, started=_now())
    with pytest.raises(InputError, match='--minutes measures one process'):
        plan_minutes(cfg({'launcher': 'pytorch'}), 5, started=_now())


def _now():
    from time import perf_counter

    return perf_counter()


def test_verdict_names_what_was_not_worth_it():
    knn, linear = 'nearest neighbour', 'linear'
    rows = {
        knn: {'joint': 80.0, '3s': 85.0},
        linear: {'joint': 60.0, '3s': 61.0},
        f'raw coordinates, {knn}': {'joint': 75.0, '3s': 70.0},
        f'raw coordinates, {linear}': {'joint': 66.0, '3s': 65.0},
    }
    good, bad = worth_it(Evaluation(['joint', '3s'], rows)).splitlines()
    assert good == 'nearest neighbour: 85.0 %, 10.0 points above raw coordinates'
    assert bad.startswith('linear: 61.0 %, 5.0 points BELOW raw coordinates')
    rows[f'raw coordinates, {linear}'] = {'joint': 61.0, '3s': 60.0}
    assert 'not better than raw coordinates: the training was not worth it' in worth_it(
        Evaluation(['joint', '3s'], rows, sequences=100)
    )
    _, tie, few = worth_it(Evaluation(['joint', '3s'], rows, sequences=9)).splitlines()
    assert tie == 'linear: 61.0 %, not better than raw coordinates'
    assert few.startswith('only 9 labelled sequences were classified, and one of them is 11.1')


def test_training_ends_with_the_table(root, run_tool, tiny_pickle, tmp_path):
    options = [f'{name}={x}' for name, x in TINY.items()]
    options += ['train_cfg.max_epochs=2', 'train_cfg.val_interval=1']
    arguments = (root / CONFIG, '--data', tiny_pickle, '--select', '--work-dir', tmp_path)
    status, out, err = run_tool('train.py', *arguments, '--cfg-options', *options)
    assert status == 0, err
    rows = json.loads((tmp_path / 'evaluation.json').read_text())
    assert len(rows) == 4
    assert all(set(row) == {'joint', 'motion', 'bone', '3s'} for row in rows.values())
    for file in ('linear/predictions', 'raw_knn/test_predictions', 'raw_linear/predictions'):
        with np.load(tmp_path / f'{file}.npz') as predictions:
            assert len(predictions['labels']) == 4, 'the test split is not read'
    for text in ('11 training sequences, 4 for validation', 'raw coordinates, linear'):
        assert text in out + err
    assert 'only 4 labelled sequences were classified' in out + err
    command = f'mmcmd serve {tmp_path}/epoch_2.pth --gallery {tiny_pickle}'
    assert command in ' '.join((out + err).split())
    assert 'fitted to 11 training sequences' in ' '.join((out + err).split())


def test_points_in_an_image_are_compared_with_raw_points(root, run_tool, tiny_pickle, tmp_path):
    data = pickle.loads(tiny_pickle.read_bytes())
    for sample in data['annotations']:
        sample['keypoint'] = sample['keypoint'][:, :, :17, :2]
    path = tmp_path / 'points.pkl'
    path.write_bytes(pickle.dumps(data | {'layout': 'coco'}))
    options = [f'{name}={x}' for name, x in TINY.items()]
    options += ['train_cfg.max_epochs=1', 'model.backbone.in_channels=2']
    arguments = (root / CONFIG, '--data', path, '--work-dir', tmp_path / 'work')
    status, _, err = run_tool('train.py', *arguments, '--cfg-options', *options)
    assert status == 0, err
    rows = json.loads((tmp_path / 'work/evaluation.json').read_text())
    assert len(rows) == 4
