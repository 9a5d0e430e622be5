"""A published checkpoint is small, plain and deterministic, and can be used downstream."""

import pytest
import torch
from mmengine.config import Config

from mmcmd.apis import init_model
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_encoders
from mmcmd.io.publish import published, write_published
from mmcmd.skeletons import get_layout


@pytest.fixture
def checkpoint(pretrained):
    return torch.load(pretrained / 'epoch_2.pth', weights_only=True)


def test_encoders_alone_are_kept(checkpoint):
    small = published(checkpoint, 'x')
    numbers = {'epoch': 2, 'iter': checkpoint['meta']['iter'], 'seed': 42}
    encoder = checkpoint['meta']['encoder']
    encoder['layout'] = get_layout('ntu').to_dict()
    assert small['meta'] == {**numbers, 'layout': 'ntu', 'encoder': encoder}
    names = [name for name in checkpoint['state_dict'] if name.startswith('encoders.')]
    assert list(small['state_dict']) == names
    assert {name.split('.')[2] for name in names} == {'backbone'}


def test_description_of_the_encoders_is_kept_and_names_no_file(checkpoint):
    encoder = published(checkpoint, 'x')['meta']['encoder']
    assert (encoder['method'], encoder['clip_len']) == ('CMD', 64)
    assert get_layout(encoder['layout']) == get_layout('ntu')
    assert encoder['layout']['joints'][0] == 'spine_base', 'all fields, not only a name'
    assert encoder['config']['batch_size'] == 5
    assert encoder['config']['optim_wrapper']['optimizer']['type'] == 'SGD'
    assert list(encoder['streams']) == ['joint', 'motion', 'bone']
    assert encoder['streams']['bone']['backbone']['hidden_size'] == 4
    assert encoder['data']['name'] == 'ntu60_xsub'
    assert 'ann_file' not in encoder['data']
    assert '.pkl' not in str(encoder)


def test_same_weights_are_the_same_bytes_whatever_else_is_in_the_file(checkpoint, tmp_path):
    first = write_published(published(checkpoint, 'x'), tmp_path / 'a' / 'x.pth')
    checkpoint['optimizer'] = {}
    checkpoint['meta']['time'] = 'later'
    second = write_published(published(checkpoint, 'x'), tmp_path / 'b' / 'x.pth')
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    next(iter(checkpoint['state_dict'].values())).add_(1)
    assert write_published(published(checkpoint, 'x'), tmp_path / 'x.pth').name != first.name


def test_names_of_the_classes_are_kept(checkpoint):
    checkpoint['meta']['dataset_meta'] = {'classes': ('wave', 'sit'), 'synthetic': True}
    meta = published(checkpoint, 'x')['meta']
    assert meta['encoder']['classes'] == ['wave', 'sit']
    assert meta['synthetic'] is True


def test_views_are_saved_alone(tmp_path):
    wide = torch.arange(30000.0)
    path = write_published(published({'weight': wide[:3]}, 'x'), tmp_path / 'x.pth')
    assert path.stat().st_size < 5000
    state = torch.load(path, weights_only=True)['state_dict']
    assert torch.equal(state['weight'], wide[:3])


def test_classifier_is_kept_whole():
    state = {'encoders.joint.backbone.x': torch.ones(2), 'heads.joint.fc.weight': torch.ones(3)}
    assert list(published({'state_dict': state}, 'x')['state_dict']) == list(state)


@pytest.mark.parametrize('content', [{}, {'state_dict': {}}, {'a': 1}, {'state_dict': [1]}])
def test_file_without_weights_is_told(content):
    with pytest.raises(InputError, match=r'x\.pth has no state_dict of tensors'):
        published(content, 'x.pth')


def test_encoders_load_into_models_and_downstream(root, checkpoint, tiny_options, tmp_path):
    path = write_published(published(checkpoint, 'x'), tmp_path / 'x.pth')
    config = Config.fromfile(root / 'configs/cmd/cmd_bigru_ntu60_xsub.py')
    config.merge_from_dict(dict(tiny_options))
    model = init_model(config, path)
    for name, value in model.encoders.state_dict(prefix='encoders.').items():
        assert torch.equal(value, checkpoint['state_dict'][name])
    for name, encoder in model.encoders.items():
        load_encoders(str(path), {name: encoder})

    config.model.backbone.hidden_size = 5
    config.model.neck.in_channels = 10
    with pytest.raises(InputError, match='has another architecture'):
        init_model(config, path)
