import pytest
import torch
from torch import nn

from mmcmd.models.backbones.recurrence import batched_gru, stacked_gru


def plain(frames, layers):
    """Run GRU cells in plain code, frame by frame and layer by layer."""
    for directions in layers:
        outputs = []
        for weight_ih, weight_hh, bias_ih, bias_hh in directions:
            hidden, states = frames.new_zeros(frames.shape[1], weight_hh.shape[1]), []
            for frame in frames:
                from_input = (frame @ weight_ih.T + bias_ih).chunk(3, dim=1)
                from_hidden = (hidden @ weight_hh.T + bias_hh).chunk(3, dim=1)
                reset = (from_input[0] + from_hidden[0]).sigmoid()
                update = (from_input[1] + from_hidden[1]).sigmoid()
                candidate = (from_input[2] + reset * from_hidden[2]).tanh()
                hidden = (1 - update) * candidate + update * hidden
                states.append(hidden)
            outputs.append(torch.stack(states))
        frames = torch.cat(outputs, dim=2)
    return frames


def build(num_layers, num_directions, size, features, dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for layer in range(num_layers):
        width = features if layer == 0 else num_directions * size
        shapes = (3 * size, width), (3 * size, size), (3 * size,), (3 * size,)
        layers.append(
            [
                [torch.randn(x, generator=generator, dtype=dtype).requires_grad_() for x in shapes]
                for _ in range(num_directions)
            ]
        )
    return layers


@pytest.mark.parametrize('num_layers', [1, 3])
@pytest.mark.parametrize('num_directions', [1, 2])
@pytest.mark.parametrize(('num_frames', 'batch'), [(1, 1), (1, 3), (6, 1), (7, 4)])
def test_outputs_and_gradients_are_those_of_the_plain_cell(
    num_layers, num_directions, num_frames, batch
):
    layers = build(num_layers, num_directions, 5, 4, torch.float64)
    frames = torch.randn(num_frames, batch, 4, dtype=torch.float64, requires_grad=True)
    weights = [frames, *(tensor for layer in layers for gru in layer for tensor in gru)]
    toward = torch.randn(num_frames, batch, 5 * num_directions, dtype=torch.float64)

    found, expected = stacked_gru(frames, layers), plain(frames, layers)
    torch.testing.assert_close(found, expected)
    for ours, wanted in zip(
        torch.autograd.grad((found * toward).sum(), weights),
        torch.autograd.grad((expected * toward).sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(ours, wanted)


@pytest.mark.parametrize('num_networks', [1, 3])
@pytest.mark.parametrize(('num_frames', 'batch'), [(1, 1), (7, 4)])
def test_networks_that_run_together_give_what_each_gives_alone(num_networks, num_frames, batch):
    networks = [build(2, 2, 5, 4, torch.float64, seed) for seed in range(num_networks)]
    frames = torch.randn(num_networks, num_frames, batch, 4, dtype=torch.float64)
    frames.requires_grad_()
    layers = [[gru for layer in zipped for gru in layer] for zipped in zip(*networks, strict=True)]
    weights = [frames, *(tensor for layer in layers for gru in layer for tensor in gru)]
    toward = torch.randn(num_networks, num_frames, batch, 10, dtype=torch.float64)

    found = batched_gru(frames, layers)
    expected = torch.stack([plain(x, y) for x, y in zip(frames, networks, strict=True)])
    torch.testing.assert_close(found, expected)
    for ours, wanted in zip(
        torch.autograd.grad((found * toward).sum(), weights),
        torch.autograd.grad((expected * toward).sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(ours, wanted)


def test_without_gradient_the_outputs_are_the_same():
    layers = build(2, 2, 5, 4, torch.float32)
    frames = torch.randn(7, 3, 4)
    expected = stacked_gru(frames, layers).detach()
    with torch.no_grad():
        assert torch.equal(stacked_gru(frames, layers), expected)


def test_gates_that_are_shut_give_no_nan():
    layers = build(1, 1, 5, 4, torch.float32)
    with torch.no_grad():
        layers[0][0][2].fill_(-200)  # sigmoid underflows to exactly 0
    output = stacked_gru(torch.randn(4, 2, 4), layers)
    output.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in layers[0][0])


def test_it_is_torch_s_gru():
    gru = nn.GRU(4, 5, 3)
    frames = torch.randn(7, 2, 4)
    weights = gru._flat_weights
    layers = [[weights[i : i + 4]] for i in range(0, len(weights), 4)]
    torch.testing.assert_close(stacked_gru(frames, layers), gru(frames)[0])


def test_without_gradient_no_frame_is_kept():
    layers = build(1, 1, 64, 4, torch.float32)
    frames = torch.randn(500, 2, 4)

    def allocated():
        with torch.profiler.profile(profile_memory=True) as profile:
            stacked_gru(frames, layers)
        return sum(x.self_cpu_memory_usage for x in profile.key_averages() if 'empty' in x.key)

    with_gradient = allocated()
    with torch.no_grad():  # the weights still require gradients, as in validation
        assert allocated() < 0.6 * with_gradient
