"""ISC contrasts two kinds of encoders with each other; each has a key encoder and a queue."""

import numpy as np
import pytest
import torch

from mmcmd.errors import InputError

AGCN = {'type': 'AGCN', 'base_channels': 4, 'num_stages': 2, 'inflate_stages': [2]}
HCN = {'type': 'HCN', 'clip_len': 16, 'channels': 4, 'dropout': 0.0}
SEQUENCE = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1, 'with_norm': False}


@pytest.fixture
def make(make_method):
    return lambda **options: make_method(
        'ISC', **{'modalities': ['joint'], 'backbone': SEQUENCE, 'partner': AGCN, **options}
    )


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, 2, 2, 16, 25, 3, generator=generator, dtype=torch.float64)


def test_losses_are_those_across_the_two_encoders_alone(make, inputs, plain):
    unit, softmax = plain
    model = make()
    first, second = model.streams
    assert (first, second) == ('joint', 'joint_partner')
    queues = {name: x.queue.clone() for name, x in model.queues.items()}
    start = {name: x.clone() for name, x in model.state_dict().items()}
    losses = model(inputs, mode='loss')
    keys = {}
    for name in model.streams:
        encoder, neck = model.key_encoders[name], model.key_necks[name]
        keys[name] = unit(neck(encoder(inputs[:, 1]))).detach()
    for own, other in ((first, second), (second, first)):
        query = unit(model.necks[own](model.encoders[own](inputs[:, 0])))
        expected = []
        for row, key in zip(query, keys[other], strict=True):
            similarities = [row @ key, *(row @ column for column in queues[other].T)]
            expected.append(-np.log(softmax([x.item() / 0.07 for x in similarities])[0]))
        assert losses[f'loss_{own}'].item() == pytest.approx(np.mean(expected), rel=1e-9)
    for name in model.streams:
        assert torch.equal(model.queues[name].queue[:, :4], keys[name].T), 'its own keys'
        assert model.queues[name].queue_ptr.item() == 4
    for name, key in model.key_encoders.named_parameters():
        query = start[f'encoders.{name}']
        expected = start[f'key_encoders.{name}'].lerp(query, 0.1)
        torch.testing.assert_close(key.detach(), expected)


def test_gradient_reaches_both_query_encoders_and_no_key_encoder(make, inputs):
    model = make()
    losses = model(inputs, mode='loss')
    losses['loss_joint'].backward()
    learns = {name.split('.')[1] for name, x in model.named_parameters() if x.grad is not None}
    assert learns == {'joint'}
    model(inputs, mode='loss')['loss_joint_partner'].backward()
    silent = {name for name, x in model.encoders.named_parameters() if x.grad is None}
    assert silent == set()


@pytest.mark.parametrize(
    ('backbone', 'partner'),
    [(SEQUENCE, AGCN), (SEQUENCE, HCN), (AGCN, HCN)],
    ids=['sequence-graph', 'sequence-image', 'graph-image'],
)
def test_a_pair_of_any_two_kinds_learns(make, inputs, backbone, partner):
    # A small queue would soon hold only earlier keys of the same four samples.
    queue = {'type': 'KeyQueue', 'size': 400}
    model = make(backbone=backbone, partner=partner, queue=queue).train()
    optimizer = torch.optim.Adam([x for x in model.parameters() if x.requires_grad], lr=3e-3)
    totals = []
    for _ in range(8):
        losses = model(inputs, mode='loss')
        total = sum(x for name, x in losses.items() if 'loss' in name)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert np.mean(totals[-2:]) < 0.85 * np.mean(totals[:2])


def test_each_modality_has_a_pair_of_its_own(make, inputs):
    model = make(modalities=['joint', 'bone'])
    assert model.streams == ('joint', 'bone', 'joint_partner', 'bone_partner')
    assert model.partners['bone'] == 'bone_partner'
    assert model.partners['bone_partner'] == 'bone'
    alone = make(modalities=['bone'])
    alone.load_state_dict({x: y for x, y in model.state_dict().items() if '.bone' in x})
    together, expected = model(inputs, mode='loss'), alone(inputs, mode='loss')
    for name, value in expected.items():
        torch.testing.assert_close(together[name], value, msg=name)


def test_features_are_those_of_the_first_encoder(make, inputs):
    from mmaction.structures import ActionDataSample

    model = make().eval()
    samples = model(inputs[:, :1], [ActionDataSample() for _ in range(4)], mode='predict')
    assert set(samples[0].feats) == {'joint'}
    description = model.describe()
    assert set(description['streams']) == {'joint', 'joint_partner'}
    assert description['evaluated'] == ['joint']
    assert description['streams']['joint_partner']['backbone'] == AGCN


def test_output_layer_of_the_partner_may_start_otherwise(make):
    first = dict(type='Normal', std=5.0, layer=[], override=dict(name='out'))
    model = make(partner_neck=dict(init_cfg=first), copy_keys=True).float()
    model.init_weights()
    assert 3 < model.necks.joint_partner.out.weight.std() < 7
    assert model.necks.joint.out.weight.std() < 1
    assert torch.equal(
        model.key_necks.joint_partner.out.weight, model.necks.joint_partner.out.weight
    )


def test_view_is_the_same_for_both_encoders(make, inputs):
    model, seen = make(), {}
    for name, encoder in model.encoders.items():
        encoder.register_forward_pre_hook(lambda _, args, name=name: seen.update({name: args[0]}))
    model(inputs, mode='loss')
    assert torch.equal(seen['joint'], seen['joint_partner'])
    assert torch.equal(seen['joint'], inputs[:, 0])


def test_other_numbers_of_views_are_told(make, inputs):
    with pytest.raises(InputError, match='ISC takes 2 views'):
        make()(inputs[:, :1], mode='loss')
