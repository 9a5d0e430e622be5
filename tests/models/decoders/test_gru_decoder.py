import pytest
import torch
from torch import nn

from mmcmd.models import GRUDecoder


def build(**options):
    torch.manual_seed(0)
    return GRUDecoder(6, 5, hidden_size=4, **options).double()


@pytest.fixture
def sequence():
    return torch.randn(3, 7, 6, generator=torch.Generator().manual_seed(1)).double()


def gru(rnn, steps):
    """Run a GRU of several layers step by step, (N, T, F) to (N, T, H)."""
    for layer in range(rnn.num_layers):
        names = ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')
        w, u, b, c = (getattr(rnn, f'{name}_l{layer}') for name in names)
        hidden, outputs = torch.zeros(len(steps), u.shape[1]).double(), []
        for x in steps.unbind(dim=1):
            own, kept = (x @ w.T + b).chunk(3, 1), (hidden @ u.T + c).chunk(3, 1)
            reset, update = ((own[i] + kept[i]).sigmoid() for i in (0, 1))
            candidate = (own[2] + reset * kept[2]).tanh()
            hidden = (1 - update) * candidate + update * hidden
            outputs.append(hidden)
        steps = torch.stack(outputs, dim=1)
    return steps


def test_decoder_is_a_gru_over_time_and_a_linear_layer(sequence):
    decoder = build()
    assert [tuple(x.shape) for x in decoder.rnn.parameters()][:2] == [(12, 6), (12, 4)]
    assert decoder.rnn.num_layers == 2
    expected = gru(decoder.rnn, sequence) @ decoder.out.weight.T + decoder.out.bias
    torch.testing.assert_close(decoder(sequence), expected)


def test_bottleneck_normalises_over_samples_and_steps(sequence):
    decoder = build(bottleneck=True)
    first, norm, _, second = decoder.bottleneck
    nn.init.normal_(norm.weight)
    x = first(sequence)
    mean, var = x.mean(dim=(0, 1)), x.var(dim=(0, 1), correction=0)
    x = ((x - mean) / (var + norm.eps).sqrt() * norm.weight + norm.bias).relu()
    expected = gru(decoder.rnn, second(x)) @ decoder.out.weight.T + decoder.out.bias
    torch.testing.assert_close(decoder(sequence), expected)
    torch.testing.assert_close(norm.running_mean, 0.1 * mean)


def test_batches_that_are_decoded_together_get_the_results_of_single_calls(sequence):
    together, apart = build(bottleneck=True), build(bottleneck=True)
    batches = [sequence, 2 * sequence[:2] - 1]
    inputs = [[x.clone().requires_grad_() for x in batches] for _ in range(2)]
    found, expected = together.decode(inputs[0]), [apart(x) for x in inputs[1]]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    for outputs in (found, expected):
        sum(x.sin().sum() for x in outputs).backward()
    for ours, theirs in zip(*inputs, strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    for ours, theirs in zip(together.parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(dict(together.named_buffers()), dict(apart.named_buffers()))


def test_weights_keep_torch_s_own_initialisation():
    decoder = GRUDecoder(64, 30, hidden_size=100, bottleneck=True)
    for part, size in ((decoder.bottleneck[0], 64), (decoder.rnn, 100), (decoder.out, 100)):
        for parameter in part.parameters():
            bound = size**-0.5
            assert 0.7 * bound < parameter.abs().max() <= bound
