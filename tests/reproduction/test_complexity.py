"""FLOPs are equal to those computed by hand. A FLOP is a multiply-add."""

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


@pytest.mark.parametrize(('kind', 'gates'), [(nn.GRU, 3), (nn.LSTM, 4), (nn.RNN, 1)])
def test_backward_pass_costs_two_forward_passes(kind, gates):
    layer, x = kind(F, H, bidirectional=True), torch.zeros(T, N, F, requires_grad=True)
    forward = count_flops(layer, x)
    whole = count_flops(lambda: layer(x)[0].sum().backward())
    # Some kernels skip the gradient of the state before the first frame.
    first_state = N * 2 * gates * H * H
    assert 3 * forward - first_state <= whole <= 3 * forward


def test_layers_of_cudnn_by_hand():
    gru = nn.GRU(F, H, 2, bidirectional=True, device='meta').requires_grad_(False)
    x, state = torch.zeros(T, N, F, device='meta'), torch.zeros(4, N, H, device='meta')
    weights, mode = gru._flat_weights, 3
    packed = torch.cat([w.flatten() for w in weights])
    network = mode, H, 0, 2, False, 0.0, True, True, [], None
    forward = T * N * 2 * 3 * H * (F + H + 2 * H + H)

    def run():
        return torch.ops.aten._cudnn_rnn(x, weights, 4, packed, state, None, *network)

    assert count_flops(run) == forward


def test_attention_by_hand():
    query = torch.randn(N, 3, T, H, requires_grad=True)
    product = N * 3 * T * T * H
    attend = torch.nn.functional.scaled_dot_product_attention
    assert count_flops(attend, query, query, query) == 2 * product
    assert count_flops(lambda: attend(query, query, query).sum().backward()) == 6 * product


@pytest.mark.parametrize('grad', [True, False])
@pytest.mark.parametrize('training', [True, False])
def test_transformer_layer_by_hand(training, grad):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).train(training)
    projections, attention, feedforward = 4 * 8 * 8, 2 * T * 8, 2 * 8 * 16
    with torch.set_grad_enabled(grad):
        counted = count_flops(layer, torch.randn(N, T, 8))
    assert counted == N * T * (projections + attention + feedforward)
    assert torch.backends.mha.get_fastpath_enabled()


def products(module):
    return sum(x.numel() for x in module.parameters() if x.dim() == 2)


def test_step_of_cmd_by_hand(tiny_cmd):
    model, size, queue = tiny_cmd(), 6, 12
    encoder = encoder_complexity(model, (2, T, 25, 3))['joint'].flops
    # Query and key forward, and the query backward, which costs two passes. The state before the
    # first frame needs no gradient.
    encoders = 4 * encoder - 2 * 3 * H * H
    # Similarities of keys and queries to the queue, and the backward pass for the queries.
    rest = 4 * products(model.necks['joint']) + 3 * queue * size
    assert step_flops(model, (2, T, 25, 3), batch=3) == 3 * (encoders + rest)
    assert all(x.grad is None for x in model.parameters())


@pytest.mark.parametrize(('frozen', 'passes'), [(True, 1), (False, 3)])
def test_step_of_a_classifier_has_a_backward_pass_where_it_is_trained(frozen, passes):
    model = classifier(frozen)
    encoder = encoder_complexity(model, (2, T, 25, 3))['bone'].flops
    head = products(model.heads)
    # If the encoder is frozen, the input of the head needs no gradient. The state before the first
    # frame never needs one.
    expected = passes * encoder + (2 if frozen else 3) * head
    expected -= 0 if frozen else 2 * 3 * H * H
    assert step_flops(model, (2, T, 25, 3)) == expected


@pytest.mark.parametrize('method', ['SkeletonCLR', 'CrosSCLR', 'AimCLR'])
def test_steps_of_other_methods_cost_more_than_their_encoders(method):
    model = MODELS.build(
        {
            'type': method,
            'modalities': ['joint'] if method == 'SkeletonCLR' else ['joint', 'motion'],
            'backbone': {'type': 'BiGRU', 'hidden_size': H, 'num_layers': 1},
            'neck': {'type': 'ProjectionNeck', 'out_channels': 6},
            'queue': {'size': 12},
        }
    )
    encoders = sum(x.flops for x in encoder_complexity(model, (2, T, 25, 3)).values())
    counted = step_flops(model, (2, T, 25, 3))
    passes = 3 * (len(model.views) - 1) + 1  # every view but the key has a backward pass
    assert passes * encoders * 0.95 < counted < passes * encoders * 1.2


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
    for encoder in found.values():
        assert encoder.params == 300 + gru_parameters(150, H) + gru_parameters(2 * H, H)
        assert encoder.flops == matrices


def test_parameters_are_those_of_one_encoder_without_projection(tiny_cmd):
    model = tiny_cmd(modalities=('joint',), distill_head=None)
    (encoder,) = encoder_complexity(model, (2, T, 25, 3)).values()
    assert encoder.params == 300 + gru_parameters(150, H)


def classifier(frozen):
    return MODELS.build(
        {
            'type': 'SkeletonClassifier',
            'modalities': ['bone'],
            'backbone': {'type': 'BiGRU', 'hidden_size': H, 'num_layers': 1},
            'head': {'type': 'LinearHead', 'in_channels': 2 * H, 'num_classes': 4},
            'pretrained': 'random',
            'frozen': frozen,
        }
    )


def test_frozen_classifier_is_measured_too():
    (encoder,) = encoder_complexity(classifier(frozen=True), (2, T, 25, 3)).values()
    assert encoder.params == 300 + gru_parameters(150, H)


def test_shape_that_the_encoder_does_not_take(tiny_cmd):
    with pytest.raises(InputError, match='shape'):
        encoder_complexity(tiny_cmd(), (1, T, 21, 3))
