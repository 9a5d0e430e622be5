"""CrosSCLR equals its equations in plain loops, in both phases."""

import copy
import math

import pytest
import torch

from mmcmd.errors import InputError

STREAMS = 'joint', 'motion', 'bone'
TAU, MOMENTUM = 0.07, 0.1


def linear(layer, x):
    return x @ layer.weight.T + layer.bias


def project(necks, name, feature, shared):
    """Project in plain code: later streams have their own layer before that of the first stream."""
    if shared and name != STREAMS[0]:
        feature = linear(necks[name][0], feature).relu()
    neck = necks[STREAMS[0] if shared else name]
    return linear(neck.out, linear(neck.hidden, feature).relu())


def follow(keys, queries):
    for own, other in zip(keys.parameters(), queries.parameters(), strict=True):
        own.data = (1 - MOMENTUM) * own.data + MOMENTUM * other.data


@pytest.fixture
def restate(plain):
    """Return a function: model, inputs, options -> losses, keys and the model after the step."""
    unit, _ = plain

    def restate(model, inputs, crossing, topk=1, context=True, shared=True, followers=STREAMS):
        model = copy.deepcopy(model)
        streams = model.streams
        with torch.no_grad():
            queries = {
                n: unit(project(model.necks, n, model.encoders[n](inputs[:, 0]), shared))
                for n in streams
            }
            for name in followers:
                follow(model.key_encoders[name], model.encoders[name])
                # The shared part is updated again for each stream.
                follow(model.key_necks[name], model.necks[name])
            keys = {
                n: unit(project(model.key_necks, n, model.key_encoders[n](inputs[:, 1]), shared))
                for n in streams
            }
            near = {n: (queries[n] @ model.queues[n].queue).tolist() for n in streams}
        losses = {}
        for a in streams:
            own = (queries[a] * keys[a]).sum(dim=1).tolist()
            partners = [b for b in streams if b != a] if crossing else [a]
            terms = []
            for b in partners:
                for n in range(len(inputs)):
                    mined = sorted(range(12), key=lambda i: -near[b][n][i])[: topk * crossing]
                    columns, positives = [own[n], *near[a][n]], [0, *(1 + i for i in mined)]
                    if crossing and context:
                        columns += [x * y for x, y in zip(near[a][n], near[b][n], strict=True)]
                        positives += [13 + i for i in mined]
                    norm = math.log(sum(math.exp(x / TAU) for x in columns))
                    found = [norm - columns[i] / TAU for i in positives]
                    terms.append(sum(found) / len(found))
            losses[f'loss_{a}'] = sum(terms) / len(terms)
        return losses, keys, model

    return restate


CASES = [
    {},
    {'topk': 2},
    {'context': False},
    {'context': False, 'topk': 3},
    {'modalities': ('joint', 'motion')},
    {'shared_projection': False, 'cross_keys': None},
]


@pytest.mark.parametrize('epoch', [1, 2], ids=['before mining', 'mining'])
@pytest.mark.parametrize('case', CASES, ids=lambda case: ' '.join(map(str, case)) or 'released')
def test_step_is_the_paper_s(make_method, restate, views, case, epoch):
    model, inputs = make_method('CrosSCLR', cross_epoch=2, **case), views(2).double()
    model.set_progress(epoch, 0.0, seed=0)
    crossing = epoch == 2
    released = case.get('cross_keys', ('motion',)) is not None
    expected, keys, after = restate(
        model,
        inputs,
        crossing,
        case.get('topk', 1),
        case.get('context', True),
        case.get('shared_projection', True),
        ('motion',) if crossing and released else model.streams,
    )
    losses = model(inputs, mode='loss')
    assert {name for name in losses if 'loss' in name} == set(expected)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-9), name
    for name in model.streams:
        torch.testing.assert_close(model.queues[name].queue[:, :4].T, keys[name])
    for part in ('key_encoders', 'key_necks'):
        found = dict(getattr(model, part).named_parameters())
        for name, value in getattr(after, part).named_parameters():
            torch.testing.assert_close(found[name], value, msg=name)


def test_shared_projection_is_moved_three_times_a_step_and_once_when_mining(make_method, views):
    model = make_method('CrosSCLR', cross_epoch=1)
    for epoch, times in ((0, 3), (1, 1)):
        model.set_progress(epoch, 0.0, seed=0)
        key, query = model.key_necks['joint'].out.weight, model.necks['joint'].out.weight
        distance = (query - key).norm().item()
        model(views(2).double(), mode='loss')
        left = (query - key).norm().item()
        assert left == pytest.approx(distance * (1 - MOMENTUM) ** times)


def test_only_the_named_key_encoders_follow_when_mining(make_method, views):
    model = make_method('CrosSCLR', cross_epoch=0, cross_keys=('bone',), shared_projection=False)
    before = copy.deepcopy(model.state_dict())
    model(views(2).double(), mode='loss')
    after = dict(model.named_parameters())
    moved = {n.split('.')[1] for n, x in after.items() if not x.equal(before[n])}
    assert moved == {'bone'}


def test_gradient_reaches_the_other_stream_through_the_context_alone(make_method, views):
    for context, expected in ((True, {'joint', 'motion'}), (False, {'joint'})):
        model = make_method(
            *('CrosSCLR',),
            modalities=('joint', 'motion'),
            cross_epoch=0,
            context=context,
            shared_projection=False,
        )
        model(views(2).double(), mode='loss')['loss_joint'].backward()
        moved = {
            name.split('.')[1]
            for name, x in model.named_parameters()
            if x.grad is not None and x.grad.any()
        }
        assert moved == expected


def test_before_mining_streams_are_skeletonclr_each(make_method, views):
    options = {'shared_projection': False, 'cross_epoch': 150}
    model, single = make_method('CrosSCLR', **options), make_method('SkeletonCLR')
    single.load_state_dict(model.state_dict())
    losses, expected = (x(views(2).double(), mode='loss') for x in (model, single))
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, msg=name)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'modalities': ('joint',), 'cross_keys': None}, 'two streams or more'),
        ({'cross_keys': ('smell',)}, "cross_keys=.*'smell'.*must be streams"),
        ({'topk': 13}, r'topk=13 must lie between 1 and queue\.size=12'),
        ({'topk': 0}, 'topk=0'),
    ],
)
def test_options_that_do_not_fit_are_told(make_method, options, message):
    with pytest.raises(InputError, match=message):
        make_method('CrosSCLR', **options)
