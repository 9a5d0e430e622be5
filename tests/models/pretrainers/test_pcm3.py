"""PCM3 equals plain code, has the right gradients, and refuses wrong input."""

import copy
from dataclasses import replace

import pytest
import torch

from benchmarks.plain_pcm3 import plain_pcm3
from mmcmd.errors import InputError
from mmcmd.models.prompts import IDLE

TERMS = {'base': '', **{name: f'{name}_' for name in ('mask', 'recons', 'mix', 'mse', 'sim')}}
OPTIONS = {
    'modalities': ('joint',),
    'decoder': {'hidden_size': 5},
    'masking': {'frames': 2},
    'mixing': {'window': (3, 6), 'stride': 1},
}


@pytest.fixture
def make(make_method):
    """Return a function: options -> a tiny PCM3 in float64."""

    def make(**options):
        model = make_method('PCM3', **OPTIONS | options)
        model.generator.manual_seed(3)
        return model

    return make


def losses_of(model, inputs):
    """Return the losses of a step of one stream, with the names of the plain code."""
    (stream,) = model.streams
    found = model(inputs, mode='loss')
    return {
        name: found[f'loss_{ours}{stream}']
        for name, ours in TERMS.items()
        if f'loss_{ours}{stream}' in found
    }


def with_draws(model, inputs, **mix):
    """Make a model use the same draw in each step; return the model."""
    draws = model.draw(model.streams[0], inputs)
    draws = replace(draws, mix=replace(draws.mix, **mix))
    model.draw = lambda *_: draws
    return draws


@pytest.mark.parametrize('choice', [0.2, 0.4, 0.9], ids=['mixup', 'squeezed swap', 'swap'])
@pytest.mark.parametrize('stream', ['joint', 'motion'])
def test_two_steps_are_those_of_the_restatement(make, views, stream, choice):
    model, inputs = make(modalities=(stream,)), views(3).double()
    plain = copy.deepcopy(model)
    draws = with_draws(model, inputs, choice=choice)
    for _ in range(2):
        found, expected = losses_of(model, inputs), plain_pcm3(plain, inputs, draws)
        assert ('sim' in expected) == (stream == 'joint')
        assert set(found) == set(expected)
        for name, loss in expected.items():
            torch.testing.assert_close(found[name], loss)
        for side, losses in ((model, found), (plain, expected)):
            side.zero_grad()
            sum(losses.values()).backward()
        theirs = dict(plain.named_parameters())
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(parameter.grad, theirs[name].grad, msg=name)
        torch.testing.assert_close(model.state_dict(), plain.state_dict())
        with torch.no_grad():
            for side in (model, plain):
                for parameter in side.parameters():
                    if parameter.requires_grad:
                        parameter -= 0.05 * parameter.grad


NORM, RNN, PROJECTION = 'encoders.{}.backbone.input_norm', 'encoders.{}.backbone.rnn', 'necks.{}'
BOTTLENECK, DECODER, PROMPT = 'decoders.{}.bottleneck', 'decoders.{}.rnn', 'prompts.{}.contrast'
PARTS = NORM, RNN, PROJECTION, BOTTLENECK, DECODER, PROMPT
ENCODER = {NORM, RNN}
REACHED = {
    'base': {*ENCODER, PROJECTION, PROMPT},
    'mix': {*ENCODER, PROJECTION, PROMPT},
    'mask': {*ENCODER, PROJECTION, PROMPT},
    'recons': {*ENCODER, PROJECTION, BOTTLENECK, DECODER, PROMPT},
    'mse': {*ENCODER, BOTTLENECK, DECODER},
    'sim': {*ENCODER, PROJECTION, BOTTLENECK, DECODER, PROMPT},
}


@pytest.mark.parametrize('term', REACHED)
@pytest.mark.parametrize('stream', ['joint', 'bone'])
def test_each_loss_reaches_the_parts_of_the_table(make, views, stream, term):
    model = make(modalities=(stream,))
    losses = losses_of(model, views(3).double())
    prompted = stream == 'joint'
    if term == 'sim' and not prompted:
        assert term not in losses
        return
    losses[term].backward()
    expected = REACHED[term] if prompted else REACHED[term] - {PROMPT}
    if term == 'recons' and not prompted:
        expected -= {BOTTLENECK, DECODER}
    sizes = {name: x.grad.norm() for name, x in model.named_parameters() if x.grad is not None}
    reached = {
        part
        for part in PARTS
        if any(x > 1e-9 for name, x in sizes.items() if name.startswith(part.format(stream)))
    }
    assert reached == expected
    # BatchNorm removes the effect of the other prompts, so their gradients are rounding errors.
    assert all(sizes.get(f'prompts.{stream}.{name}', 0) < 1e-9 for name in IDLE)
    assert not any(name.startswith('key_') for name in sizes)


def test_gradient_of_the_filled_view_does_not_reach_the_encoder_through_the_decoder(make, views):
    model = make()
    encoded = []
    encode = model.encoders['joint'].encode_modality
    model.encoders['joint'].encode_modality = lambda x: encoded.append(encode(x)) or encoded[-1]
    losses = losses_of(model, views(3).double())
    masked = encoded[0][1]

    def reaches(term):
        options = {'retain_graph': True, 'allow_unused': True}
        (gradient,) = torch.autograd.grad(losses[term], masked, **options)
        return gradient is not None and bool(gradient.any())

    assert {term for term in losses if reaches(term)} == {'mask', 'mse', 'sim'}


def test_without_the_idle_prompts_all_losses_and_gradients_are_the_same(make, views):
    faithful, lean, inputs = make(), make(idle_prompts=False), views(3).double()
    left = {name: x for name, x in faithful.state_dict().items() if name in lean.state_dict()}
    lean.load_state_dict(left)
    dropped = set(faithful.state_dict()) - set(left)
    assert dropped == {f'prompts.joint.{name}' for name in IDLE}
    lean.draw = faithful.draw
    losses = []
    for model in (faithful, lean):
        model.draw = model.draw if model is faithful else faithful.draw
        faithful.generator.manual_seed(3)
        losses.append(losses_of(model, inputs))
        sum(losses[-1].values()).backward()
    torch.testing.assert_close(*losses)
    theirs = dict(faithful.named_parameters())
    for name, parameter in lean.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs[name].grad)


def test_evaluation_adds_no_prompt_and_masks_nothing(make, views):
    model, joints = make().eval(), views(1).double()[:, 0]
    backbone = model.encoders['joint'].backbone
    torch.testing.assert_close(model.extract_feat(joints, 'joint'), backbone(joints))


def test_streams_share_nothing(make, views):
    inputs = views(3).double()
    both, alone = make(modalities=('joint', 'bone')), make(modalities=('bone',))
    own = {name: x for name, x in both.state_dict().items() if '.bone.' in name}
    alone.load_state_dict(own)
    draws = both.draw('bone', inputs)
    both.draw = alone.draw = lambda *_: draws
    found, expected = (model(inputs, mode='loss') for model in (both, alone))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_every_step_draws_anew_and_a_resumed_run_draws_the_same(make, views):
    model, inputs = make(), views(3).double()
    draws = []
    for seed in (5, 6, 5):
        model.set_progress(0, 0.0, seed)
        draws.append(model.draw('joint', inputs))
    assert torch.equal(draws[0].kept, draws[2].kept)
    assert (draws[0].mix, draws[0].starts) == (draws[2].mix, draws[2].starts)
    assert draws[0].mix != draws[1].mix
    assert not torch.equal(draws[0].kept, draws[1].kept)


def test_graph_encoder_with_fewer_steps_than_frames_takes_a_step(make, views):
    down = {'type': 'STGCN', 'base_channels': 4, 'num_stages': 2, 'down_stages': [2]}
    graph = {**down, 'graph_cfg': {'layout': 'nturgb+d', 'mode': 'stgcn_spatial'}}
    model = make(backbone=graph)
    losses = losses_of(model, views(3).double())
    assert all(torch.isfinite(x) for x in losses.values())
    losses['mse'].backward()
    gradients = [x.grad for x in model.encoders.parameters()]
    assert all(x is not None for x in gradients)


def test_training_lowers_the_loss(make, views):
    torch.manual_seed(0)
    model, noise = make(), views(3).double()
    inputs = torch.randn(4, 1, 1, 1, 25, 3).double() + 0.1 * noise  # four poses
    with_draws(model, inputs)
    # Keys of the same four samples would make the task harder from step to step.
    model.queues['joint'].enqueue = lambda keys: None
    optimizer = torch.optim.Adam((x for x in model.parameters() if x.requires_grad), lr=0.03)
    totals, errors = [], []
    for _ in range(20):
        losses = losses_of(model, inputs)
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
        errors.append(losses['mse'].item())
    assert totals[-1] < 0.7 * totals[0]
    assert errors[-1] < 0.7 * errors[0]


@pytest.mark.parametrize(
    ('samples', 'frames', 'message'),
    [
        (2, 8, 'mixing needs a batch of 3 samples or more on each rank, but got 2'),
        (4, 5, 'the window of mixing is up to 6 frames, but the clips have 5'),
    ],
)
def test_input_that_cannot_be_mixed_is_told(make, views, samples, frames, message):
    model = make()
    with pytest.raises(InputError, match=message):
        model(views(3).double()[:samples, :, :, :frames], mode='loss')


def test_layout_without_body_parts_is_told(make):
    own = {'name': 'own', 'joints': ('a', 'b'), 'parents': (0, 0), 'centre': 0}
    with pytest.raises(InputError, match="layout 'own' has no body parts"):
        make(layout=own)


@pytest.mark.parametrize('name', ['teacher_temperature', 'student_temperature'])
def test_temperature_that_is_not_positive_is_refused(make, name):
    with pytest.raises(InputError, match=f'{name}=0'):
        make(similarity_head={name: 0})
