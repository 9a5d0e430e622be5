"""FLOPs against arithmetic by hand; a FLOP is a multiply-add."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from mmcmd.errors import InputError
from mmcmd.registry import MODELS
from mmcmd.reproduction.complexity import count_flops, encoder_complexity, step_flops

T, N, F, H = 7, 2, 5, 4


@pytest.mark.parametrize(('kind', 'gates'), [(nn.GRU, 3), (nn.LSTM, 4), (nn.RNN, 1)])
def test_recurrent_layers_by_hand(kind, gates):
    x = torch.zeros(T, N, F)
    first, second = gates * H * (F + H), gates * H * (2 * H + H)
    assert count_flops(kind(F, H), x) == T * N * first
    assert count_flops(kind(F, H, 2, bidirectional=True), x) == T * N * 2 * (first + second)
    assert count_flops(kind(F, H, bias=False, batch_first=True), x) == T * N * first


def test_projected_lstm_by_hand():
    size = 3
    expected = 4 * H * (F + size) + size * H
    assert count_flops(nn.LSTM(F, H, proj_size=size), torch.zeros(T, N, F)) == T * N * expected


def test_packed_sequences_have_their_own_lengths():
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(F, H)

        def forward(self, x):
            return self.gru(pack_padded_sequence(x, torch.tensor([6, 3])))[1]

    assert count_flops(Packed(), torch.zeros(T, N, F)) == (6 + 3) * 3 * H * (F + H)


def test_linear_layer_by_counting_each_product():
    layer, x, products = nn.Linear(F, H, bias=False), torch.randn(N, F), 0
    y = torch.zeros(N, H)
    for n in range(N):
        for out in range(H):
            for into in range(F):
                y[n, out] += layer.weight[out, into].detach() * x[n, into]
                products += 1
    torch.testing.assert_close(y, layer(x).detach())
    assert count_flops(layer, x) == products


def gru_parameters(features, hidden):
    return 2 * 3 * hidden * (features + hidden + 2)


@pytest.mark.parametrize('mode', ['stepwise', 'bidirectional'])
def test_bigru_by_hand(mode, tiny_cmd):
    backbone = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 2, 'mode': mode}
    model = tiny_cmd(backbone=backbone)
    found = encoder_complexity(model, (2, T, 25, 3))
    assert list(found) == ['joint', 'motion', 'bone']
    matrices = T * (2 * 3 * H * (150 + H) + 2 * 3 * H * (2 * H + H))
    norm = 150 * T * 2  # mmengine counts two a number of a BatchNorm with an affine map
    for encoder in found.values():
        assert encoder.params == 300 + gru_parameters(150, H) + gru_parameters(2 * H, H)
        assert matrices <= encoder.flops <= matrices + 2 * norm
    assert step_flops(found) == 4 * sum(encoder.flops for encoder in found.values())


def test_parameters_are_those_of_one_encoder_without_projection(tiny_cmd):
    model = tiny_cmd(modalities=('joint',), distill_head=None)
    (encoder,) = encoder_complexity(model, (2, T, 25, 3)).values()
    parts = model.encoders['joint']
    expected = sum(x.numel() for name, x in parts.named_parameters() if 'neck' not in name)
    assert encoder.params == expected


def test_frozen_classifier_is_measured_too():
    model = MODELS.build(
        {
            'type': 'SkeletonClassifier',
            'modalities': ['bone'],
            'backbone': {'type': 'BiGRU', 'hidden_size': H, 'num_layers': 1},
            'head': {'type': 'LinearHead', 'in_channels': 2 * H, 'num_classes': 4},
            'pretrained': 'random',
        }
    )
    (encoder,) = encoder_complexity(model, (2, T, 25, 3)).values()
    assert encoder.params == 300 + gru_parameters(150, H)


def test_shape_that_the_encoder_does_not_take(tiny_cmd):
    with pytest.raises(InputError, match='shape'):
        encoder_complexity(tiny_cmd(), (1, T, 21, 3))
