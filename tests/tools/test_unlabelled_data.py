"""Data without labels or with a few: pre-training runs, and evaluations ask for labels."""

import json
import pickle
from time import perf_counter

import numpy as np
import pytest

from mmcmd.apis import load_config, skip_unlabelled_validation
from mmcmd.recipe import plan_minutes

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
LOADERS += tuple(f'{loop}.gallery_dataloader' for loop in ('val_cfg', 'test_cfg'))


@pytest.fixture
def with_labels(tiny_pickle, tmp_path):
    """Return a function: how many of each split keep their labels -> options for the pickle."""

    def write(train, val):
        data = pickle.loads(tiny_pickle.read_bytes())
        for index, sample in enumerate(data['annotations']):
            if not (index < train or 15 <= index < 15 + val):
                del sample['label']
        path = tmp_path / f'{train}_{val}.pkl'
        path.write_bytes(pickle.dumps(data))
        return path, {f'{name}.dataset.ann_file': path for name in LOADERS}

    return write


@pytest.mark.parametrize(('train', 'val'), [(0, 0), (5, 0)])
def test_pre_training_without_labels_leaves_out_the_nearest_neighbours(
    run_tool, tiny_command, with_labels, tmp_path, train, val
):
    path, options = with_labels(train, val)
    status, out, err = run_tool('train.py', *tiny_command(runs=True, **options))
    assert status == 0, err
    reason = f'{path}: no sequence of xsub_val has a label' if train else f'{path} has no labels'
    told = ' '.join((out + err).split())
    assert told.count(f'{reason}, so this pre-training has no evaluation') == 1
    assert (tmp_path / 'work/epoch_2.pth').is_file()
    assert not list((tmp_path / 'work').glob('best_*'))


def test_recipe_trains_on_unlabelled_data_without_its_table(root, run_tool, with_labels, tmp_path):
    path, _ = with_labels(0, 0)
    config, work = root / 'configs/recipes/small.py', tmp_path / 'recipe'
    options = ['model.backbone.hidden_size=4', 'model.neck.out_channels=6', 'clip_len=8']
    options += ['train_cfg.epoch_steps=2', 'train_cfg.max_epochs=2']
    arguments = ['--data', path, '--work-dir', work, '--cfg-options', *options]
    status, out, err = run_tool('train.py', config, *arguments)
    assert status == 0, err
    told = ' '.join((out + err).split())
    assert told.count(f'{path} has no labels, so this pre-training has no evaluation') == 1
    assert '15 training sequences' in out + err
    assert 'raw coordinates' not in out + err
    assert (work / 'epoch_2.pth').is_file()


def test_minutes_are_planned_without_a_validation(root, with_labels, tmp_path):
    path, _ = with_labels(0, 0)
    options = {'model.backbone.hidden_size': 4, 'train_cfg.epoch_steps': 2, 'clip_len': 8}
    cfg = load_config(root / 'configs/recipes/small.py', data=str(path), options=options)
    cfg.work_dir = str(tmp_path)
    skip_unlabelled_validation(cfg)
    plan_minutes(cfg, 2, perf_counter())
    plan = json.loads((tmp_path / 'plan.json').read_text())
    assert plan['validation'] == 0
    assert plan['epochs'] == cfg.train_cfg.max_epochs > 1


def test_nearest_neighbours_use_the_labelled_sequences(
    run_tool, tiny_command, with_labels, tmp_path
):
    _, options = with_labels(6, 4)
    status, out, err = run_tool('train.py', *tiny_command(runs=True, **options))
    assert status == 0, err
    told = ' '.join((out + err).split())
    assert told.count('6 of 15 sequences of xsub_train have a label') == 1
    assert '4 of 9 sequences of xsub_val have a label' in told
    predictions = np.load(tmp_path / 'work/predictions.npz')
    assert predictions['labels'].tolist() == [index % 4 for index in range(15, 19)]
    accuracy = np.mean(predictions['joint'] == predictions['labels'])
    results = json.loads((tmp_path / 'work/results.json').read_text())
    assert results['knn/top1']['last'] == pytest.approx(accuracy)


def test_evaluations_that_need_labels_say_so(
    run_tool, tiny_command, with_labels, check_mistake, pretrained, tmp_path
):
    path, options = with_labels(0, 0)
    remedy = '--labels TABLE.csv'
    command = tiny_command(pretrained / 'epoch_2.pth', runs=True, **options)
    check_mistake(run_tool('test.py', *command), 'test.py', f'{path}: no sequence', remedy)
    config, work = command[0].parents[1] / 'benchmarks/linear.py', tmp_path / 'linear'
    arguments = ['--pretrained', pretrained / 'epoch_2.pth', '--ann-file', path]
    arguments += ['--work-dir', work, '--cfg-options', 'train_dataloader.num_workers=0']
    check_mistake(run_tool('train.py', config, *arguments), 'train.py', str(path), remedy)


def test_features_need_no_labels(run_tool, tiny_command, with_labels, pretrained, tmp_path):
    _, options = with_labels(0, 2)
    out = tmp_path / 'features.npz'
    command = tiny_command(pretrained / 'epoch_2.pth', '--out', out, **options)
    status, _, err = run_tool('misc/extract_features.py', *command)
    assert status == 0, err
    with np.load(out) as file:
        assert file['labels'].tolist() == [3, 0, *[-1] * 7]
