"""AimCLR equals its equations in plain loops, before and after mining starts."""

import copy
import math

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models.functional import attention_drop

TAU, KEEP = 0.07, 0.7


def drop(feature_map, keep=KEEP):
    """Run EADM element by element: (N, M, C, T, V) to the same."""
    maps, channels, frames, joints = feature_map.flatten(0, 1).shape
    f = feature_map.flatten(0, 1).tolist()
    a = torch.zeros(maps, channels, frames, joints, dtype=torch.float64)
    for n in range(maps):
        for c in range(channels):
            values = [x for row in f[n][c] for x in row]
            mean = sum(values) / len(values)
            spread = sum((x - mean) ** 2 for x in values) / (len(values) - 1)
            for t in range(frames):
                for v in range(joints):
                    d = (f[n][c][t][v] - mean) ** 2
                    energy = d / (4 * (spread + 1e-4)) + 0.5
                    a[n, c, t, v] = 1 / (1 + math.exp(-energy))
    kept_joints = (a.mean(dim=(1, 2)) < keep).double()
    kept = (a < keep).double()
    out = feature_map.flatten(0, 1) * kept_joints[:, None, None]
    out = out * kept_joints.numel() / kept_joints.sum()
    out = out * kept * kept.numel() / kept.sum()
    return out.view(feature_map.shape)


@pytest.mark.parametrize('keep', [0.66, 0.7, 0.8])
def test_drop_is_the_paper_s(keep):
    generator = torch.Generator().manual_seed(0)
    feature_map = torch.randn(3, 2, 5, 4, 7, generator=generator, dtype=torch.float64).relu()
    found = attention_drop(feature_map, keep)
    torch.testing.assert_close(found, drop(feature_map, keep))
    assert ((found == 0) & (feature_map != 0)).any()
    assert found.any()


def test_masks_take_no_gradient_and_the_map_does():
    x = torch.randn(2, 2, 5, 4, 7, dtype=torch.float64).requires_grad_()
    attention_drop(x, KEEP).sum().backward()
    scale = (attention_drop(x, KEEP) / x).detach()
    torch.testing.assert_close(x.grad, scale)


@pytest.fixture
def restate(plain):
    """Return a function: model, inputs, topk, mining -> losses and keys of each stream."""
    unit, softmax = plain

    def restate(model, inputs, topk, mining):
        model = copy.deepcopy(model)
        losses, all_keys = {}, {}
        for name in model.streams:
            encoder, neck = model.encoders[name], model.necks[name]

            def project(x, neck=neck):
                return unit(neck.out(neck.hidden(x).relu()))

            with torch.no_grad():
                # The query view is first, because BatchNorm updates its statistics in this order.
                q = project(encoder(inputs[:, 1]))
                feature_map = encoder.feature_map(inputs[:, 0])
                q_e = project(feature_map.mean(dim=(1, 3, 4)))
                q_d = project(drop(feature_map).mean(dim=(1, 3, 4)))
                for key_part, part in (
                    (model.key_encoders[name], encoder),
                    (model.key_necks[name], neck),
                ):
                    for own, other in zip(key_part.parameters(), part.parameters(), strict=True):
                        own.copy_(0.9 * own + 0.1 * other)
                key_neck = model.key_necks[name]
                feature = model.key_encoders[name](inputs[:, 2])
                k = unit(key_neck.out(key_neck.hidden(feature).relu()))
            queue = model.queues[name].queue
            first, second, third = 0.0, 0.0, 0.0
            for n in range(len(inputs)):
                rows = [[(x[n] @ k[n]).item(), *(x[n] @ queue).tolist()] for x in (q, q_e, q_d)]
                p, p_e, p_d = (softmax([x / TAU for x in row]) for row in rows)
                second -= sum(w * math.log(x) for w, x in zip(p, p_e, strict=True))
                third -= sum(w * math.log(x) for w, x in zip(p, p_d, strict=True))
                positives = {0}
                if mining:
                    for row in rows:
                        positives |= set(sorted(range(1, 13), key=lambda i: -row[i])[:topk])
                first -= sum(math.log(p[i]) for i in positives) / len(positives)
            losses[f'loss_{name}'] = first / len(inputs)
            losses[f'loss_extreme_{name}'] = second / len(inputs) / 2
            losses[f'loss_dropped_{name}'] = third / len(inputs) / 2
            all_keys[name] = k
        return losses, all_keys

    return restate


@pytest.mark.parametrize('topk', [1, 3])
@pytest.mark.parametrize('epoch', [4, 5], ids=['before mining', 'mining'])
def test_step_is_the_paper_s(make_method, restate, views, epoch, topk):
    model = make_method('AimCLR', backbone='STGCN', mining_epoch=5, topk=topk)
    inputs = views(3).double()
    model.set_progress(epoch, 0.0, seed=0)
    expected, keys = restate(model, inputs, topk, mining=epoch == 5)
    losses = model(inputs, mode='loss')
    assert {name for name in losses if 'loss' in name} == set(expected)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-8), name
    for name in model.streams:
        torch.testing.assert_close(model.queues[name].queue[:, :4].T, keys[name])


def test_loss_is_the_sum_of_three_terms_and_moves_queries_alone(make_method, views):
    model = make_method('AimCLR', backbone='STGCN', modalities=('bone',))
    total, logged = model.parse_losses(model(views(3).double(), mode='loss'))
    parts = [logged[f'loss_{kind}bone'] for kind in ('', 'extreme_', 'dropped_')]
    assert total.item() == pytest.approx(sum(x.item() for x in parts))
    total.backward()
    trained = {name.split('.')[0] for name, x in model.named_parameters() if x.grad is not None}
    assert trained == {'encoders', 'necks'}


def test_target_of_the_distributions_takes_no_gradient(make_method, views):
    model = make_method('AimCLR', backbone='STGCN', modalities=('joint',))
    seen = []
    query = model.query
    model.query = lambda view, name: seen.append(query(view, name)) or seen[-1]
    losses = model(views(3).double(), mode='loss')
    extreme = losses['loss_extreme_joint'] + losses['loss_dropped_joint']
    (gradient,) = torch.autograd.grad(extreme, seen, retain_graph=True, allow_unused=True)
    assert gradient is None
    assert torch.autograd.grad(losses['loss_joint'], seen)[0].any()


def test_recurrent_encoder_takes_a_step_too(make_method, views):
    model = make_method('AimCLR', mining_epoch=0)
    losses = model(views(3).double(), mode='loss')
    assert all(torch.isfinite(x) for x in losses.values())


@pytest.mark.parametrize('topk', [0, 13])
def test_neighbours_that_the_queue_does_not_hold_are_told(make_method, topk):
    with pytest.raises(InputError, match=rf'topk={topk} must lie between 1 and queue\.size=12'):
        make_method('AimCLR', topk=topk)
