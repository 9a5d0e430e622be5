import pytest
import torch
from torch import nn

from mmcmd.errors import InputError
from mmcmd.models import BiGRU

SHAPE = 2, 4, 3  # persons, joints, coordinates


def build(seed=0, **options):
    torch.manual_seed(seed)
    defaults = {'num_person': 2, 'num_joints': 4, 'in_channels': 3}
    return BiGRU(**defaults | {'hidden_size': 5, 'num_layers': 3} | options)


@pytest.fixture
def joints():
    persons, num_joints, channels = SHAPE
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, persons, 7, num_joints, channels, generator=generator)


def as_frames(joints):
    """Restate the released channel order: channel = v * (C M) + c * M + m; (T, N, F)."""
    batch, persons, length, num_joints, channels = joints.shape
    frames = torch.empty(length, batch, num_joints * channels * persons)
    for v in range(num_joints):
        for c in range(channels):
            for m in range(persons):
                channel = v * channels * persons + c * persons + m
                frames[:, :, channel] = joints[:, m, :, v, c].T
    return frames


def normalise(frames):
    """Restate BatchNorm in training: each channel over batch and time."""
    mean = frames.mean(dim=(0, 1))
    variance = ((frames - mean) ** 2).mean(dim=(0, 1))
    return (frames - mean) / (variance + 1e-5).sqrt()


def test_stepwise_is_the_released_loop_over_frames(joints):
    encoder = build()
    gru = nn.GRU(24, 5, 3, bidirectional=True)
    gru.load_state_dict(encoder.rnn.state_dict())

    state, frames = torch.zeros(6, 3, 5), normalise(as_frames(joints))
    for frame in frames:
        output, state = gru(frame[None], state)
    expected = output[0]
    torch.testing.assert_close(encoder(joints), expected, rtol=1e-5, atol=1e-5)

    weight = torch.randn(3, 10)
    (expected * weight).sum().backward()
    (encoder(joints) * weight).sum().backward()
    for name, parameter in gru.named_parameters():
        ours = dict(encoder.rnn.named_parameters())[name].grad
        torch.testing.assert_close(ours, parameter.grad, rtol=1e-5, atol=1e-5, msg=name)


def test_stepwise_never_reads_time_backwards(joints):
    encoder = build(readout='mean').eval()
    changed = joints.clone()
    changed[:, :, -1] += 1
    with torch.no_grad():
        frames = [
            encoder.input_norm(x.permute(0, 3, 4, 1, 2).flatten(1, 3)).permute(2, 0, 1)
            for x in (joints, changed)
        ]
        before, after = (encoder._stepwise(x) for x in frames)
    assert torch.equal(before[:-1], after[:-1])
    assert not torch.equal(before[-1], after[-1])


@pytest.mark.parametrize('readout', ['last', 'ends', 'mean'])
def test_bidirectional_is_torch_s_gru_with_the_readout(joints, readout):
    encoder = build(mode='bidirectional', readout=readout)
    outputs, _ = encoder.rnn(normalise(as_frames(joints)))
    expected = {
        'last': outputs[6],
        'ends': torch.cat([outputs[6, :, :5], outputs[0, :, 5:]], dim=1),
        'mean': sum(outputs) / 7,
    }[readout]
    torch.testing.assert_close(encoder(joints), expected, rtol=1e-5, atol=1e-5)


def test_modes_share_names_and_shapes_of_parameters():
    stepwise, bidirectional = build().state_dict(), build(mode='bidirectional').state_dict()
    assert {k: v.shape for k, v in stepwise.items()} == {
        k: v.shape for k, v in bidirectional.items()
    }
    assert 'rnn.weight_hh_l2_reverse' in stepwise


def test_modes_differ(joints):
    assert not torch.allclose(build()(joints), build(mode='bidirectional')(joints), atol=1e-3)


def test_matrices_are_xavier_uniform_and_biases_torch_s_default():
    encoder = build(hidden_size=32)
    for name, parameter in encoder.rnn.named_parameters():
        xavier, default = (6 / sum(parameter.shape)) ** 0.5, 32**-0.5
        bound = xavier if parameter.dim() == 2 else default
        assert 0.9 * bound < parameter.abs().max().item() <= bound + 1e-6, name


def test_input_of_another_shape_says_what_was_expected():
    with pytest.raises(InputError, match=r'M=2.*V=4.*C=3.*\(3, 1, 7, 4, 3\)'):
        build()(torch.zeros(3, 1, 7, 4, 3))


@pytest.mark.parametrize('option', [{'mode': 'backwards'}, {'readout': 'first'}])
def test_unknown_choice_lists_the_choices(option):
    with pytest.raises(InputError, match=r"must be one of .*but got '(backwards|first)'"):
        build(**option)


def test_weights_lie_as_cudnn_s_call_of_each_layer_and_direction_takes_them(monkeypatch):
    """On a GPU; here the call is recorded, and its arguments are checked by torch's own parser."""
    encoder, real, calls = build(), torch._cudnn_rnn_flatten_weight, []

    def record(weights, **options):
        with pytest.raises(NotImplementedError):  # on a CPU, where a wrong argument is a TypeError
            real(weights, **options)
        calls.append((weights, options))

    monkeypatch.setattr(torch.backends.cudnn, 'is_acceptable', lambda tensor: True)
    monkeypatch.setattr('mmcmd.models.backbones.recurrent.get_cudnn_mode', lambda mode: 3)
    monkeypatch.setattr(torch, '_cudnn_rnn_flatten_weight', record)
    monkeypatch.setattr(encoder.rnn, 'flatten_parameters', lambda: None)
    nn.Sequential(encoder).double()
    names = [
        [f'{kind}_l{layer}{suffix}' for kind in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')]
        for layer in range(3)
        for suffix in ('', '_reverse')
    ]
    parameters = dict(encoder.rnn.named_parameters())
    assert len(calls) == len(names)
    for (weights, options), expected in zip(calls, names, strict=True):
        assert all(x is parameters[name] for x, name in zip(weights, expected, strict=True))
        assert options['input_size'] == weights[0].shape[1]
        assert (options['num_layers'], options['bidirectional']) == (1, False)
