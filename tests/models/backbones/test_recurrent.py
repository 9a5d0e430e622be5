import warnings
from functools import partial
from itertools import chain

import pytest
import torch
from torch import nn

from mmcmd.errors import InputError
from mmcmd.models import LSTM, BiGRU
from mmcmd.models.backbones.kernels import layers_of, run_forward

SHAPE = 2, 4, 3  # persons, joints, coordinates


def build(seed=0, cls=BiGRU, **options):
    torch.manual_seed(seed)
    defaults = {'num_person': 2, 'num_joints': 4, 'in_channels': 3}
    return cls(**defaults | {'hidden_size': 5, 'num_layers': 3} | options)


@pytest.fixture
def as_on_gpu(monkeypatch):
    """Make the CPU run the code path of a GPU."""
    monkeypatch.setattr('mmcmd.models.backbones.kernels.is_special', lambda: True)


@pytest.fixture
def calls(monkeypatch):
    """Record frames, weights and results of torch's recurrent kernels."""
    found = []

    def record(kernel, frames, state, weights, *options):
        found.append((frames, weights, kernel(frames, state, weights, *options)))
        return found[-1][2]

    for kernel in (torch.gru, torch.lstm):
        monkeypatch.setattr(torch, kernel.__name__, partial(record, kernel))
    return found


@pytest.fixture
def joints():
    persons, num_joints, channels = SHAPE
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, persons, 7, num_joints, channels, generator=generator)


def as_frames(joints):
    """Return frames (T, N, F) in the released channel order: channel = v * (C M) + c * M + m."""
    batch, persons, length, num_joints, channels = joints.shape
    frames = torch.empty(length, batch, num_joints * channels * persons)
    for v in range(num_joints):
        for c in range(channels):
            for m in range(persons):
                channel = v * channels * persons + c * persons + m
                frames[:, :, channel] = joints[:, m, :, v, c].T
    return frames


def normalise(frames):
    """Run BatchNorm of training in plain code: each channel over batch and time."""
    mean = frames.mean(dim=(0, 1))
    variance = ((frames - mean) ** 2).mean(dim=(0, 1))
    return (frames - mean) / (variance + 1e-5).sqrt()


@pytest.mark.parametrize('device', ['CPU', 'GPU'])
def test_stepwise_is_the_released_loop_over_frames(joints, calls, request, device):
    if device == 'GPU':
        request.getfixturevalue('as_on_gpu')
    encoder = build()
    encoder(joints)
    # There is one call for each layer and direction, over all frames.
    assert [len(frames) for frames, *_ in calls] == ([7] * 6 if device == 'GPU' else [])
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
        before, after = (run_forward(encoder.rnn, x) for x in frames)
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


@pytest.mark.parametrize(
    'option', [{'mode': 'backwards'}, {'readout': 'first'}, {'kernel': 'fast'}]
)
def test_unknown_choice_lists_the_choices(option):
    with pytest.raises(InputError, match=r"must be one of .*but got '(backwards|first|fast)'"):
        build(**option)


@pytest.mark.parametrize(
    'options', [{'mode': 'bidirectional'}, {'cls': LSTM, 'mode': 'stepwise'}], ids=['mode', 'LSTM']
)
def test_a_kernel_for_another_network_is_refused(options):
    with pytest.raises(InputError, match=r"kernel='batched' is for a GRU"):
        build(kernel='batched', **options)


@pytest.mark.gpu
@pytest.mark.parametrize('kernel', ['batched', 'triton'])
@pytest.mark.parametrize(('dtype', 'tol'), [(None, 1e-4), (torch.bfloat16, 0.03)])
def test_every_kernel_gives_on_a_gpu_what_the_cpu_gives(joints, kernel, dtype, tol):
    def run(device, **options):
        encoder = build(hidden_size=64, readout='mean', **options).to(device)
        with torch.autocast(device, dtype, enabled=dtype is not None and device == 'cuda'):
            output = encoder(joints.to(device))
        output.float().square().sum().backward()
        grads = [x.grad.cpu() for x in encoder.parameters()]
        return [output.detach().float().cpu(), *grads]

    for found, expected in zip(run('cuda', kernel=kernel), run('cpu'), strict=True):
        assert (found - expected).norm() <= tol * expected.norm()


def precision(dtype):
    return torch.autocast('cpu', dtype, enabled=dtype is not None)


@pytest.mark.parametrize('dtype', [None, torch.bfloat16])
def test_kernels_get_whole_sequences_and_weights_without_gaps(joints, calls, as_on_gpu, dtype):
    encoder = build()
    with precision(dtype):
        encoder(joints)
    assert len(calls) == 6
    for (frames, weights, _), laid_out in zip(calls, chain(*layers_of(encoder.rnn)), strict=True):
        assert frames.is_contiguous()
        assert all(x.is_contiguous() for x in weights)
        if dtype is None:  # the same tensors that `_apply` stores contiguously
            assert all(x is y for x, y in zip(weights, laid_out, strict=True))
        else:  # their own contiguous memory, in cuDNN's order
            assert len({x.untyped_storage().data_ptr() for x in weights}) == 1
            ends = torch.tensor([0, *(x.numel() for x in weights)]).cumsum(0).tolist()
            assert [x.storage_offset() for x in weights] == ends[:-1]
            assert weights[0].untyped_storage().nbytes() == 2 * ends[-1]
            assert [x.dim() for x in weights] == [2, 2, 1, 1]
    first = [frames.data_ptr() for frames, *_ in calls[:2]]
    assert dtype is not None or first[0] == first[1], 'made contiguous once for both directions'


KINDS = pytest.mark.parametrize(
    ('cls', 'mode'),
    [
        *((BiGRU, mode) for mode in ('stepwise', 'bidirectional', 'forward')),
        *((LSTM, mode) for mode in ('stepwise', 'bidirectional', 'forward')),
    ],
    ids=lambda x: getattr(x, '__name__', x),
)


@KINDS
def test_bfloat16_is_bfloat16_and_its_gradients_reach_float32_weights(
    joints, calls, as_on_gpu, cls, mode
):
    """On a GPU, torch's autocast would run cuDNN's networks in float16."""
    weight = torch.randn(3, 5 if mode == 'forward' else 10)

    def run(dtype):
        encoder = build(cls=cls, mode=mode, readout='mean')
        with precision(dtype):
            output = encoder(joints)
        (output.float() * weight).sum().backward()
        return output, dict(encoder.named_parameters())

    expected, wanted = run(None)
    calls.clear()
    output, found = run(torch.bfloat16)
    assert output.dtype == torch.bfloat16
    for frames, weights, result in calls:
        assert {x.dtype for x in (frames, *weights, result[0])} == {torch.bfloat16}
    assert calls, 'recorded'
    torch.testing.assert_close(output.float(), expected, rtol=0, atol=0.02)
    for name, parameter in found.items():
        assert parameter.dtype == parameter.grad.dtype == torch.float32
        difference = (parameter.grad - wanted[name].grad).norm() / wanted[name].grad.norm()
        assert 0 < difference < 0.05, name


@pytest.mark.parametrize('has_instructions', [True, False])
def test_stepwise_bfloat16_on_a_cpu_is_our_own_recurrence(
    joints, calls, monkeypatch, has_instructions
):
    monkeypatch.setattr(
        'mmcmd.models.backbones.kernels.multiplies_bfloat16', lambda: has_instructions
    )
    weight = torch.randn(3, 10)

    def run(dtype):
        encoder = build(readout='mean')
        with precision(dtype):
            output = encoder.feature_map(joints)
        (encoder.read(output.float()) * weight).sum().backward()
        return output, [x.grad for x in encoder.rnn.parameters()]

    (output, found), (expected, wanted) = run(torch.bfloat16), run(None)
    assert not calls
    assert output.dtype == torch.bfloat16
    rounded = expected.bfloat16()
    assert torch.equal(output, rounded) == (not has_instructions), 'computed in float32 where slow'
    torch.testing.assert_close(output, rounded, rtol=0, atol=0.02)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.dtype == torch.float32
        assert 0 < (ours - theirs).norm() < 0.05 * theirs.norm()


@pytest.mark.filterwarnings('ignore::DeprecationWarning', 'ignore::torch.jit.TracerWarning')
def test_a_trace_has_torch_s_own_gru(joints, calls):
    torch.jit.trace(build().eval(), joints, check_trace=False)
    assert len(calls) == 6


def test_bfloat16_weights_of_a_whole_network_lie_matrices_first(joints, calls):
    encoder = build(mode='bidirectional')
    with precision(torch.bfloat16):
        encoder(joints)
    ((_, weights, _),) = calls
    for ours, parameter in zip(weights, encoder.rnn._flat_weights, strict=True):
        torch.testing.assert_close(ours, parameter.bfloat16(), rtol=0, atol=0)
    by_offset = sorted(weights, key=torch.Tensor.storage_offset)
    assert [x.dim() for x in by_offset] == [2] * 12 + [1] * 12


@KINDS
@pytest.mark.gpu
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_gpu_runs_in_the_type_that_was_asked_for(joints, cls, mode, dtype):
    encoder = build(cls=cls, mode=mode)
    expected = encoder(joints)
    encoder.cuda()
    torch.testing.assert_close(encoder(joints.cuda()).cpu(), expected, rtol=0, atol=5e-3)  # TF32
    with torch.autocast('cuda', dtype):
        output = encoder(joints.cuda())
    assert output.dtype == dtype
    torch.testing.assert_close(output.float().cpu(), expected, rtol=0, atol=0.02)
    output.float().sum().backward()
    assert {x.grad.dtype for x in encoder.parameters()} == {torch.float32}


@KINDS
@pytest.mark.gpu
@pytest.mark.parametrize('dtype', [None, torch.bfloat16])
def test_cudnn_takes_the_weights_as_they_lie(joints, cls, mode, dtype):
    encoder = build(cls=cls, mode=mode, hidden_size=64).cuda()
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # torch warns before it makes weights contiguous
        with torch.autocast('cuda', dtype, enabled=dtype is not None):
            encoder(joints.cuda()).float().sum().backward()


def test_weights_lie_as_cudnn_s_call_of_each_layer_and_direction_takes_them(monkeypatch):
    """Test the call of a GPU: it is recorded, and torch's own parser checks its arguments."""
    encoder, real, calls = build(), torch._cudnn_rnn_flatten_weight, []

    def record(weights, **options):
        with pytest.raises(NotImplementedError):  # on a CPU; a wrong argument would be a TypeError
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
        assert all(x.is_contiguous() for x in weights)
        assert options['input_size'] == weights[0].shape[1]
        assert (options['num_layers'], options['bidirectional']) == (1, False)


def test_encoder_without_input_norm_takes_coordinates_as_they_are():
    torch.manual_seed(0)
    plain, normed = (BiGRU(hidden_size=4, num_layers=1, with_norm=x) for x in (False, True))
    plain.rnn.load_state_dict(normed.rnn.state_dict())
    assert not [name for name in plain.state_dict() if 'norm' in name]
    with torch.no_grad():
        normed.input_norm.running_var -= normed.input_norm.eps
        joints = 5 + torch.randn(2, 2, 6, 25, 3)
        torch.testing.assert_close(plain(joints), normed.eval()(joints))
        assert not torch.allclose(plain(joints), normed.train()(joints))


@pytest.mark.parametrize('mode', ['stepwise', 'bidirectional', 'forward'])
def test_batches_that_run_together_are_normalised_and_counted_apart(joints, mode):
    batches = [joints.double(), 3 * joints[:2].double() + 1]
    together, apart = build(mode=mode).double(), build(mode=mode).double()
    inputs = [[x.clone().requires_grad_() for x in batches] for _ in range(2)]
    found = together.encode_batches(inputs[0])
    expected = [apart.feature_map(x) for x in inputs[1]]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    for encoder, maps in ((together, found), (apart, expected)):
        sum(x.sin().sum() for x in maps).backward()
        assert encoder.input_norm.num_batches_tracked == 2
    torch.testing.assert_close(dict(together.named_buffers()), dict(apart.named_buffers()))
    for ours, theirs in zip(together.parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    for ours, theirs in zip(*inputs, strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_frames_can_be_flattened_coordinate_first(joints):
    first, second = build(order='vcm', with_norm=False), build(order='cvm', with_norm=False)
    weights = first.rnn.weight_ih_l0.data  # channel (joint, coordinate, person)
    second.load_state_dict(first.state_dict())
    second.rnn.weight_ih_l0.data = weights.view(-1, 4, 3, 2).transpose(1, 2).flatten(1)
    reverse = first.rnn.weight_ih_l0_reverse.data.view(-1, 4, 3, 2).transpose(1, 2).flatten(1)
    second.rnn.weight_ih_l0_reverse.data = reverse
    torch.testing.assert_close(second(joints), first(joints))
    assert not any(name.startswith('input_norm') for name in first.state_dict())


@pytest.mark.parametrize('rnn_init', ['uniform', 'orthogonal', 'xavier'])
def test_first_weights_are_those_asked_for(rnn_init):
    rnn = build(rnn_init=rnn_init, hidden_size=40).rnn
    recurrent, biases = rnn.weight_hh_l0.data, rnn.bias_ih_l0.data
    bound = {'uniform': 40**-0.5, 'xavier': (6 / (24 + 120)) ** 0.5}
    inputs = rnn.weight_ih_l0.data.abs().max().item()
    limit = bound.get(rnn_init, bound['xavier'])
    assert 0.95 * limit < inputs <= limit
    identity = torch.eye(40)
    assert torch.allclose(recurrent.T @ recurrent, identity, atol=1e-5) == (
        rnn_init == 'orthogonal'
    )
    assert biases.any() == (rnn_init != 'orthogonal')
