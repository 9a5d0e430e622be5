"""A published folder can be used like a checkpoint: for tests, evaluations and features."""

import json

import numpy as np
import pytest
import torch

from mmcmd.apis import build_loader, extract_features, init_model, load_config, predict_scores
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_plain
from mmcmd.io.hub import save_folder
from mmcmd.io.publish import published
from mmcmd.models import FeatureExtractor, SkeletonClassifier

KNN, LINEAR = 'configs/benchmarks/knn.py', 'configs/benchmarks/linear.py'


def publish(checkpoint, folder):
    save_folder(published(load_plain(str(checkpoint), 'cpu'), 'x'), folder, 'a card')
    return folder


@pytest.fixture(scope='module')
def folder(pretrained, tmp_path_factory):
    return publish(pretrained / 'epoch_2.pth', tmp_path_factory.mktemp('published') / 'cmd')


@pytest.fixture
def tiny(root, folder, tiny_pickle):
    """Return a function: config -> the config for the folder and the tiny data."""

    def make(config, **arguments):
        options = {
            'test_dataloader.num_workers': 0,
            'test_dataloader.persistent_workers': False,
        }
        return load_config(root / config, ann_file=str(tiny_pickle), options=options, **arguments)

    return make


@pytest.mark.parametrize('form', ['folder', 'file'])
def test_model_is_built_without_a_config(folder, pretrained, tiny, form):
    model = init_model(folder if form == 'folder' else pretrained / 'epoch_2.pth')
    assert type(model) is FeatureExtractor
    assert not model.training
    config = tiny(KNN, checkpoint=str(pretrained / 'epoch_2.pth'))
    expected, _ = extract_features(
        init_model(config, pretrained / 'epoch_2.pth'), build_loader(config)
    )
    features, _ = extract_features(model, build_loader(config))
    assert list(features) == ['joint', 'motion', 'bone']
    for name, rows in features.items():
        assert torch.equal(rows, expected[name])


def test_config_of_the_training_is_tested_on_encoders_alone(
    folder, pretrained, run_tool, root, tiny_options, tmp_path
):
    options = [f'{name}={x}' for name, x in tiny_options.items() if 'vis_backends' not in name]
    config = root / 'configs/cmd/cmd_bigru_ntu60_xsub.py'
    arguments = config, folder, '--work-dir', tmp_path, '--cfg-options', *options
    status, _, err = run_tool('test.py', *arguments)
    assert status == 0, err
    found = json.loads((tmp_path / 'test_results.json').read_text())
    trained = json.loads((pretrained / 'results.json').read_text())
    assert {k: x['last'] for k, x in found.items()} == {k: x['last'] for k, x in trained.items()}


@pytest.mark.parametrize(
    ('argument', 'message'),
    [
        ('--resume', 'holds encoders only and cannot be resumed; evaluate them with'),
        ('load_from', 'holds encoders only, and this model also needs necks.joint'),
    ],
)
def test_training_does_not_go_on_from_encoders_alone(
    folder, run_tool, root, tiny_options, tmp_path, argument, message
):
    options = [f'{name}={x}' for name, x in tiny_options.items() if 'vis_backends' not in name]
    config = root / 'configs/cmd/cmd_bigru_ntu60_xsub.py'
    start = ['--resume', folder] if argument == '--resume' else []
    options += [] if start else [f'load_from={folder}']
    arguments = config, *start, '--work-dir', tmp_path / 'x', '--cfg-options', *options
    status, _, err = run_tool('train.py', *arguments)
    assert (status, message in err) == (2, True), err


def test_classifier_is_trained_on_the_folder_and_published_again(
    folder, make_runner, tiny_linear_options, tmp_path, tiny
):
    options = tiny_linear_options | {'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1}
    runner = make_runner('benchmarks/linear.py', tmp_path / 'linear', options, str(folder))
    runner.train()
    encoder = load_plain(str(folder))['state_dict']['encoders.joint.backbone.rnn.weight_ih_l0']
    assert torch.equal(runner.model.encoders.joint.backbone.rnn.weight_ih_l0, encoder)

    again = publish(tmp_path / 'linear' / 'epoch_1.pth', tmp_path / 'classifier')
    description = load_plain(str(again))['meta']['encoder']
    assert description['pretrained_by'] == {'method': 'CMD', 'data': 'ntu60_xsub'}
    assert str(folder) not in json.dumps(description), 'paths of the author stay with him'
    model = init_model(again)
    assert type(model) is SkeletonClassifier
    scores, _ = predict_scores(model, build_loader(tiny(LINEAR, checkpoint=str(again))))
    assert scores['joint'].shape == (9, 4)
    for name, x in runner.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], x)


def test_classifier_without_trained_heads_is_refused(folder, tiny):
    config = tiny(LINEAR, pretrained=str(folder))
    with pytest.raises(InputError, match='holds encoders only, and this model also needs heads'):
        init_model(config, folder)
    with pytest.raises(InputError, match='holds encoders of CMD and no classifier'):
        tiny(LINEAR, checkpoint=str(folder))


def test_extracted_features_are_those_of_the_whole_checkpoint(
    folder, run_tool, root, tiny_pickle, tmp_path, pretrained
):
    files = []
    for checkpoint in (folder, pretrained / 'epoch_2.pth'):
        files.append(tmp_path / f'{len(files)}.npz')
        options = '--ann-file', tiny_pickle, '--out', files[-1]
        workers = 'test_dataloader.num_workers=0'
        arguments = root / KNN, checkpoint, *options, '--cfg-options', workers
        status, _, err = run_tool('misc/extract_features.py', *arguments)
        assert status == 0, err
    first, second = (np.load(file) for file in files)
    for name in ('joint', 'motion', 'bone', 'labels', 'names'):
        assert np.array_equal(first[name], second[name])
