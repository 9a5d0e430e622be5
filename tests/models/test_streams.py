"""Streams are names with a modality and a backbone; every model can describe them."""

import pytest
import torch
from mmaction.structures import ActionDataSample

from mmcmd.errors import InputError
from mmcmd.models import FeatureExtractor
from mmcmd.registry import MODELS
from mmcmd.skeletons import LAYOUTS

BIGRU = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1}
GRU = {'type': 'GRU', 'hidden_size': 6, 'num_layers': 1}


def extractor(*args, seed=0, **options):
    torch.manual_seed(seed)
    return FeatureExtractor(*args, **options).eval()


@pytest.fixture
def joints():
    return torch.randn(3, 2, 8, 25, 3, generator=torch.Generator().manual_seed(3))


def test_short_form_is_the_long_form_with_the_names_of_modalities(joints):
    short = extractor(('motion', 'bone'), BIGRU)
    long = extractor(
        {'motion': {'modality': 'motion', 'backbone': BIGRU}, 'bone': {'backbone': BIGRU}}
    )
    assert short.streams == long.streams == ('motion', 'bone')
    assert short.describe() == long.describe()
    for name in short.streams:
        assert torch.equal(short.extract_feat(joints, name), long.extract_feat(joints, name))


def test_one_name_is_one_stream():
    assert extractor('bone', BIGRU).streams == ('bone',)


def test_two_streams_see_one_modality_through_different_backbones(joints, tiny_stgcn, mmcmd_scope):
    streams = {
        'sequence': {'modality': 'joint', 'backbone': BIGRU},
        'graph': {'modality': 'joint', 'backbone': tiny_stgcn},
    }
    model = extractor(streams)
    assert model.streams == ('sequence', 'graph')
    sizes = {name: model.extract_feat(joints, name).shape for name in model.streams}
    assert sizes == {'sequence': (3, 8), 'graph': (3, 4)}
    prefixes = {'.'.join(name.split('.')[:2]) for name in model.state_dict()}
    assert prefixes == {'encoders.sequence', 'encoders.graph'}
    expected = extractor(('joint',), BIGRU).extract_feat(joints)
    assert torch.equal(model.extract_feat(joints), expected), 'the first stream, by default'


def test_streams_of_several_backbones_are_pre_trained_and_classified(tiny_stgcn, mmcmd_scope):
    streams = {
        'sequence': {'modality': 'joint', 'backbone': BIGRU},
        'graph': {'modality': 'motion', 'backbone': tiny_stgcn},
    }
    neck = {'type': 'ProjectionNeck', 'out_channels': 6}
    queue = {'type': 'KeyQueue', 'size': 12}
    model = MODELS.build({'type': 'CMD', 'modalities': streams, 'neck': neck, 'queue': queue})
    losses = model(torch.randn(3, 2, 2, 8, 25, 3), mode='loss')
    assert {'loss_sequence', 'loss_graph', 'acc_graph', 'std_sequence'} == set(losses) - {
        'acc_sequence',
        'std_graph',
    }
    head = {'type': 'LinearHead', 'num_classes': 4}
    config = {'type': 'SkeletonClassifier', 'modalities': streams, 'head': head}
    classifier = MODELS.build(config).eval()
    clips = torch.randn(3, 1, 2, 8, 25, 3)
    samples = classifier(clips, [ActionDataSample() for _ in range(3)], mode='predict')
    assert samples[0].streams == ('sequence', 'graph', '2s')
    with pytest.raises(InputError, match='differ in size and cannot be cached together'):
        classifier.encode(clips)


@pytest.mark.parametrize('layout', ['kinect_v1', LAYOUTS['kinect_v1'].to_dict()])
def test_description_builds_the_same_encoders_again(layout):
    model = extractor({'a': {'modality': 'bone', 'backbone': BIGRU}}, layout=layout)
    facts = model.describe()
    assert set(facts) == {'layout', 'streams'}
    again = extractor(facts['streams'], layout=facts['layout'], seed=1)
    again.load_state_dict(model.state_dict())
    joints = torch.randn(2, 2, 8, 20, 3)
    assert torch.equal(model.extract_feat(joints), again.extract_feat(joints))


def test_prediction_is_the_mean_over_clips_of_each_stream():
    model = extractor(('joint', 'bone'), GRU)
    clips = torch.randn(3, 2, 2, 8, 25, 3)
    samples = model(clips, [ActionDataSample() for _ in range(3)], mode='predict')
    for name in model.streams:
        expected = sum(model.extract_feat(clips[:, i], name) for i in (0, 1)) / 2
        found = torch.stack([sample.feats[name] for sample in samples])
        torch.testing.assert_close(found, expected)


def test_model_without_a_loss_says_so():
    with pytest.raises(NotImplementedError, match='FeatureExtractor has no loss'):
        extractor(('joint',), GRU)(torch.zeros(2, 1, 2, 8, 25, 3), mode='loss')


@pytest.mark.parametrize(
    ('modalities', 'backbone', 'message'),
    [
        ((), GRU, 'one or more different names'),
        (('joint', 'joint'), GRU, 'different names'),
        ({'a': {'backbone': GRU}}, None, "no modality 'a'"),
        (('joint',), None, "stream 'joint' has no backbone"),
        ({'a': {'modality': 'joint'}}, None, "stream 'a' has no backbone"),
    ],
)
def test_streams_that_make_no_sense_are_told(modalities, backbone, message):
    with pytest.raises(InputError, match=message):
        extractor(modalities, backbone)


def test_valid_frames_of_a_sequence_stand_for_all_of_its_clips(tiny_cmd):
    model, inputs = tiny_cmd().eval(), torch.randn(2, 3, 2, 6, 25, 3)
    samples = [ActionDataSample(metainfo={'valid_frames': frames}) for frames in (4, 6)]
    found = model.clip_features(inputs, samples)['joint']
    for index, frames in enumerate((4, 6)):
        expected = model.extract_feat(inputs[index, :, :, :frames])
        torch.testing.assert_close(found[index], expected)
