"""The feature map, pooling and features of an encoder, with and without valid frames."""

import pytest
import torch

from mmcmd.models import SkeletonEncoder

RECURRENT = {'hidden_size': 4, 'num_layers': 2}
CASES = [
    ('BiGRU', 'stepwise'),
    ('BiGRU', 'bidirectional'),
    ('GRU', 'forward'),
    ('LSTM', 'bidirectional'),
]


@pytest.fixture
def joints():
    return torch.randn(4, 2, 9, 25, 3, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def graph(tiny_stgcn, mmcmd_scope):
    torch.manual_seed(0)
    return SkeletonEncoder({**tiny_stgcn, 'down_stages': [2]}).eval()


def encoder(kind='BiGRU', mode='bidirectional', readout='last'):
    torch.manual_seed(0)
    backbone = {'type': kind, 'mode': mode, 'readout': readout, **RECURRENT}
    return SkeletonEncoder(backbone, modality='motion').eval()


VALID = torch.tensor([9, 4, 1, 6])


def outputs(model, joints):
    """Return the outputs of torch's own network at each frame, (N, T, D)."""
    backbone = model.backbone
    frames = model.modality(joints).permute(0, 2, 3, 4, 1).flatten(2)  # (N, T, V C M)
    frames = backbone.input_norm(frames.transpose(1, 2)).transpose(1, 2)
    if backbone.mode != 'stepwise':
        return backbone.rnn(frames.transpose(0, 1))[0].transpose(0, 1)
    state, found = None, []
    for frame in frames.unbind(dim=1):
        output, state = backbone.rnn(frame[None], state)
        found.append(output[0])
    return torch.stack(found, dim=1)


@pytest.mark.parametrize(('kind', 'mode'), CASES)
def test_map_and_sequence_are_the_outputs_of_every_frame(kind, mode, joints):
    model = encoder(kind, mode)
    expected = outputs(model, joints)
    torch.testing.assert_close(model.sequence(joints), expected)
    feature_map = model.feature_map(joints)
    assert feature_map.shape == (4, 1, expected.shape[2], 9, 1)
    torch.testing.assert_close(feature_map[:, 0, :, :, 0].transpose(1, 2), expected)


@pytest.mark.parametrize('valid', [None, VALID], ids=['all frames', 'some frames'])
@pytest.mark.parametrize('readout', ['last', 'mean', 'ends'])
@pytest.mark.parametrize(('kind', 'mode'), CASES)
def test_readouts_are_those_of_each_sequence_by_itself(kind, mode, readout, valid, joints):
    model = encoder(kind, mode, readout)
    found = model(joints, valid)
    assert found.shape == (4, model.feature_size())
    for n, frames in enumerate(valid if valid is not None else [9] * 4):
        sequence = outputs(model, joints)[n]
        last, half = sequence[frames - 1], sequence.shape[1] // 2
        expected = {
            'last': last,
            'mean': sum(sequence[t] for t in range(frames)) / frames,
            'ends': last if mode == 'forward' else torch.cat([last[:half], sequence[0, half:]]),
        }
        torch.testing.assert_close(found[n], expected[readout])


@pytest.mark.parametrize('kind', ['GRU', 'LSTM'])
def test_padding_of_one_direction_changes_nothing(kind, joints):
    model = encoder(kind, 'forward', 'mean')
    other = joints.clone()
    for n, frames in enumerate(VALID):
        # The motion of the last valid frame uses the frame after it.
        other[n, :, frames + 1 :] = 7
    torch.testing.assert_close(model(joints, VALID), model(other, VALID))
    assert not torch.allclose(model(joints), model(other))


def test_graph_map_is_that_of_mmaction2_and_the_feature_its_mean(graph, joints):
    feature_map = graph.feature_map(joints)
    assert feature_map.shape == (4, 2, 4, 5, 25), 'time is halved once'
    assert torch.equal(feature_map, graph.backbone(joints))
    torch.testing.assert_close(graph(joints), feature_map.mean(dim=(1, 3, 4)))
    torch.testing.assert_close(graph.sequence(joints), feature_map.mean(dim=(1, 4)).mT)


def test_graph_pooling_averages_the_valid_steps(graph, joints):
    feature_map = graph.feature_map(joints)
    found = graph(joints, VALID)
    # With 9 frames and 5 steps, a frame is 5/9 of a step. The number of steps is rounded up.
    for n, steps in enumerate((5, 3, 1, 4)):
        expected = feature_map[n, :, :, :steps].mean(dim=(0, 2, 3))
        torch.testing.assert_close(found[n], expected)
    steps = torch.tensor([5, 2, 1, 3])
    torch.testing.assert_close(
        graph.pool(feature_map, steps)[1], feature_map[1, :, :, :2].mean(dim=(0, 2, 3))
    )


def test_all_frames_valid_is_as_no_word_of_it(graph, joints):
    for model in (graph, encoder(readout='mean'), encoder(readout='last')):
        torch.testing.assert_close(model(joints, torch.full((4,), 9)), model(joints))


def test_pooling_of_ones_own_takes_the_place_of_the_readout(joints, mmcmd_scope):
    torch.manual_seed(0)
    backbone = {'type': 'BiGRU', **RECURRENT, 'readout': 'last'}
    model = SkeletonEncoder(backbone, pooling={'type': 'GraphPooling'}).eval()
    torch.testing.assert_close(model(joints), outputs(model, joints).mean(dim=1))
    assert model.feature_size() == 8


def test_backbone_that_returns_a_feature_has_a_map_of_one_step(joints, mmcmd_scope):
    from torch import nn

    from mmcmd.registry import MODELS

    @MODELS.register_module(force=True)
    class TinyMean(nn.Module):
        def forward(self, x):
            return x.mean(dim=(1, 2, 3)).repeat(1, 2)

    model = SkeletonEncoder({'type': 'TinyMean'})
    assert model.feature_map(joints).shape == (4, 1, 6, 1, 1)
    torch.testing.assert_close(model(joints), joints.mean(dim=(1, 2, 3)).repeat(1, 2))
    assert model.feature_size() == 6
    MODELS.module_dict.pop('TinyMean')


@pytest.mark.parametrize('graph', [False, True])
def test_batches_of_a_modality_are_encoded_as_joints_are(graph, tiny_stgcn, mmcmd_scope):
    backbone = tiny_stgcn if graph else {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1}
    torch.manual_seed(0)
    encoder = SkeletonEncoder(backbone, modality='motion').eval()
    batches = [torch.randn(size, 2, 8, 25, 3) for size in (3, 2)]
    found = encoder.encode_modality([encoder.modality(x) for x in batches])
    for joints, feature_map in zip(batches, found, strict=True):
        torch.testing.assert_close(feature_map, encoder.feature_map(joints))
