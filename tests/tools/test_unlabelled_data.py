"""Data without labels, or with a few: pre-training runs, evaluations say what they need."""

import json
import pickle

import numpy as np
import pytest

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
    status, out, err = run_tool('train.py', *tiny_command(**options))
    assert status == 0, err
    reason = f'{path}: no sequence of xsub_val has a label' if train else f'{path} has no labels'
    assert (out + err).count(f'{reason}: there is no evaluation by nearest neighbours') == 1
    assert (tmp_path / 'work/epoch_2.pth').is_file()
    assert not list((tmp_path / 'work').glob('best_*'))


def test_nearest_neighbours_use_the_labelled_sequences(
    run_tool, tiny_command, with_labels, tmp_path
):
    _, options = with_labels(6, 4)
    status, out, err = run_tool('train.py', *tiny_command(**options))
    assert status == 0, err
    assert '6 of 15 sequences of xsub_train have a label' in out + err
    assert '4 of 9 sequences of xsub_val have a label' in out + err
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
    command = tiny_command(pretrained / 'epoch_2.pth', **options)
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
