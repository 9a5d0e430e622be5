"""The decoder of P&C against a loop over `torch.nn.GRUCell`."""

import pytest
import torch
from torch import nn

from mmcmd.errors import InputError
from mmcmd.models import AutoregressiveDecoder

D, F, N, T = 6, 4, 3, 5


def build(**options):
    torch.manual_seed(0)
    return AutoregressiveDecoder(D, F, **options).double()


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    shapes = (N, D), (N, T, F)
    return [torch.randn(*x, generator=generator, dtype=torch.double) for x in shapes]


@pytest.mark.parametrize('kind', ['zero', 'fixed_state', 'teacher'])
def test_frames_are_predicted_one_after_the_other(inputs, kind):
    decoder, (feature, frames) = build(inputs=kind), inputs
    cell = nn.GRUCell(F, D).double()
    names = 'weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'
    cell.load_state_dict({x: getattr(decoder.gru, f'{x}_l0') for x in names})
    state, last, expected = feature, frames[:, 0], []
    for t in range(T):
        if kind == 'fixed_state':
            last = decoder.out(cell(last, feature)) + last
            expected.append(last)
            continue
        given = frames[:, t] if kind == 'teacher' and t > 0 else torch.zeros_like(last)
        state = cell(given, state)
        expected.append(decoder.out(state))
    torch.testing.assert_close(decoder(feature, frames), torch.stack(expected, dim=1))


@pytest.mark.parametrize('kind', ['zero', 'fixed_state', 'teacher'])
def test_frozen_gru_gets_no_gradient_and_does_not_change(inputs, kind):
    decoder = build(inputs=kind, frozen=True)
    start = {name: x.clone() for name, x in decoder.state_dict().items()}
    feature = inputs[0].requires_grad_()
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.1)
    decoder(feature, inputs[1]).square().sum().backward()
    optimizer.step()
    changed = {x for x, y in decoder.state_dict().items() if not torch.equal(y, start[x])}
    assert changed == {'out.weight', 'out.bias'}
    assert all(x.grad is None for x in decoder.gru.parameters())
    assert feature.grad.any()  # the encoder still gets gradients through it


def test_zero_input_hides_the_sequence(inputs):
    decoder, (feature, frames) = build(inputs='zero'), inputs
    assert torch.equal(decoder(feature, frames), decoder(feature, 0 * frames + 7))


def test_input_that_does_not_exist_is_told():
    with pytest.raises(InputError, match=r"takes inputs of zero, .*, but got 'one'"):
        build(inputs='one')
