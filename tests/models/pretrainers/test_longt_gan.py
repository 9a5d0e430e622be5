"""LongT GAN equals its equations in plain code; each loss trains only its own parts."""

import pytest
import torch
from mmaction.structures import ActionDataSample

from mmcmd.engine import SeveralOptimizersConstructor
from mmcmd.errors import InputError

GRU = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1, 'with_norm': False}
GROUPS = {'generator': ['encoders', 'decoders'], 'discriminator': ['discriminators']}
VALID = [8, 5, 6, 1]


@pytest.fixture
def make(make_method):
    """Return a function: options -> a tiny LongT GAN."""

    def build(**options):
        config = {
            'backbone': GRU,
            'modalities': ('joint',),
            'decoder': {'hidden_size': 5, 'num_layers': 2},
            'discriminator': {'hidden_size': 3, 'num_layers': 2},
            'weight_clip': 0.5,
            **dict.fromkeys(('neck', 'queue', 'momentum')),
        }
        return make_method('LongTGAN', **(config | options))

    return build


def gru(x, rnn, layer, reverse=False, state=None):
    """Run one direction of a layer over (T, F), forward in time."""
    suffix = f'l{layer}_reverse' if reverse else f'l{layer}'
    w, u, b, c = (
        getattr(rnn, f'{n}_{suffix}') for n in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')
    )
    h, outputs = torch.zeros(u.shape[1], dtype=x.dtype), []
    for frame in x:
        (r, z, n), (hr, hz, hn) = (w @ frame + b).chunk(3), (u @ h + c).chunk(3)
        r, z = (r + hr).sigmoid(), (z + hz).sigmoid()
        h = (1 - z) * (n + r * hn).tanh() + z * h
        outputs.append(h)
    return torch.stack(outputs)


def both(x, rnn):
    """Run layers with the weights of two directions."""
    for layer in range(rnn.num_layers):
        x = torch.cat([gru(x, rnn, layer), gru(x, rnn, layer, reverse=True)], dim=1)
    return x


def restate(model, joints, kept):
    """Return reconstruction, discriminator and adversarial term, sample by sample."""
    encoder, decoder = model.encoders.joint, model.decoders.joint
    discriminator, totals = model.discriminators.joint, torch.zeros(3, dtype=torch.double)
    for sample, n in zip(joints, VALID, strict=True):
        frames = sample.permute(1, 2, 3, 0).flatten(1)  # T, (V, C, M)
        masked = sample.clone()
        for t in range(1, 8):
            for v in range(25):
                if not kept[t, v]:
                    masked[:, t, v] = 0
        masked = masked.permute(1, 2, 3, 0).flatten(1)
        feature = encoder.pooling.dense(both(frames, encoder.backbone.rnn)[n - 1]).tanh()
        x = torch.cat([feature[None], masked])
        for layer in range(2):
            x = gru(x, decoder.rnn, layer)
        y = gru(x, decoder.out, 0)[1:]

        def score(x, n=n):
            hidden = discriminator.hidden(both(x[:n], discriminator.rnn)[n - 1])
            return discriminator.out(hidden.relu())[0]

        error = sum((y[t] - frames[t]).square().sum() for t in range(n)) / n
        totals += torch.stack([error, score(y) - score(frames), -score(y)]) / len(joints)
    return totals


@pytest.fixture
def kept():
    """Return a mask of the legs and the trunk, in all frames."""
    mask = torch.ones(8, 25, dtype=torch.bool)
    mask[:, [0, 1, 2, 3, 20, *range(12, 20)]] = False
    return mask


def test_losses_are_the_equations(make, views, kept):
    model, joints = make(), views(1).double()[:, 0]
    found = model.losses_of(joints, torch.tensor(VALID), kept)
    with torch.no_grad():
        expected = restate(model, joints, kept)
    names = 'loss_joint', 'loss_discriminator_joint', 'loss_adversarial_joint'
    ours = torch.stack([found[name] for name in names]).detach()
    expected = (expected * torch.tensor([1, 1, 0.1])).float()
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-6)


def test_each_term_reaches_its_part_alone(make, views, kept):
    model, joints = make(), views(1).double()[:, 0]
    reached = {
        'loss_joint': {'encoders', 'decoders'},
        'loss_adversarial_joint': {'decoders'},
        'loss_discriminator_joint': {'discriminators'},
    }
    for term, parts in reached.items():
        model.zero_grad()
        model.losses_of(joints, torch.tensor(VALID), kept)[term].backward()
        with_gradient = {
            name.split('.')[0]
            for name, x in model.named_parameters()
            if x.grad is not None and x.grad.any()
        }
        assert with_gradient == parts, term


def samples():
    return [ActionDataSample(metainfo={'valid_frames': n}) for n in VALID]


def test_two_adams_step_as_one_does_on_all(make, views):
    one, two, inputs = make(), make(), views(1).double()
    config = {'type': 'OptimWrapper', 'optimizer': {'type': 'Adam', 'lr': 0.01}}
    wrapper = SeveralOptimizersConstructor(config, {'groups': GROUPS})(two)
    optimizer = torch.optim.Adam(one.parameters(), lr=0.01)
    batch = {'inputs': inputs.float(), 'data_samples': samples()}
    for seed in range(3):
        for model in (one, two):
            model.set_progress(0, 0.0, seed)
            model.data_preprocessor.forward = lambda data, training: {**data, 'inputs': inputs}
        logged = two.train_step(batch, wrapper)
        total, _ = one.parse_losses(one(inputs, samples(), mode='loss'))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        assert logged['loss'].item() == pytest.approx(total.item())
    for (name, x), y in zip(one.named_parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(x, y, msg=name)


def test_weights_of_the_discriminator_alone_are_clipped(make, views):
    model = make(weight_clip=0.02)
    before = {name: x.clone() for name, x in model.named_parameters()}
    model(views(1).double(), samples(), mode='loss')
    for name, x in model.named_parameters():
        limit = 0.02 if name.startswith('discriminators') else torch.inf
        assert torch.equal(x, before[name].clamp(-limit, limit)), name


def test_parts_are_masked_from_the_second_frame_on(make, views):
    model, inputs, seen = make(), views(1).double(), []
    decoder = model.decoders.joint
    handle = decoder.register_forward_hook(lambda _, args, __: seen.append(args[1]))
    for seed in (1, 1, 2):
        model.set_progress(0, 0.0, seed)
        model(inputs, None, mode='loss')
    handle.remove()
    masked = seen[0].unflatten(2, (25, 3, 2))[:4] == 0
    assert not masked[:, 0].any()
    hidden = masked[0, 1].all(dim=(1, 2))
    assert 4 + 4 + 5 <= hidden.sum() <= 6 + 6 + 5  # three of five parts
    assert torch.equal(masked[:, 1:], hidden[:, None, None].expand_as(masked[:, 1:]))
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])


def test_training_lowers_the_reconstruction(make, views):
    model, inputs, found = make(), views(1).double().clamp(-1, 1), []
    config = {'type': 'OptimWrapper', 'optimizer': {'type': 'Adam', 'lr': 0.02}}
    wrapper = SeveralOptimizersConstructor(config, {'groups': GROUPS})(model)
    model.data_preprocessor.forward = lambda data, training: {**data, 'inputs': inputs}
    for _ in range(25):
        model.set_progress(0, 0.0, seed=3)
        batch = {'inputs': inputs, 'data_samples': samples()}
        found.append(model.train_step(batch, wrapper)['loss_joint'].item())
    assert found[-1] < 0.8 * found[0]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'weight_clip': 0}, 'weight_clip=0 of LongTGAN must be positive'),
        ({'pooling': {'type': 'GraphPooling'}}, r'as wide as a frame \(150\), but stream .* has 8'),
        ({'mask_ratio': 1.0}, 'a mask of body parts needs'),
    ],
)
def test_options_that_cannot_be_are_told(make, options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


@pytest.mark.parametrize(
    'groups', [{}, {'a': ['encoders', 'decoders']}, {'a': ['encoders'], 'b': ['encoders']}]
)
def test_groups_that_do_not_hold_each_part_once_are_told(make, groups):
    config = {'optimizer': {'type': 'Adam', 'lr': 0.02}}
    with pytest.raises(InputError, match='groups must name each of encoders, decoders, discrim'):
        SeveralOptimizersConstructor(config, {'groups': groups})(make())
