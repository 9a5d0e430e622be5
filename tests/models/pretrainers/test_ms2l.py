"""MS2L equals its losses in plain loops."""

import math

import pytest
import torch
from mmaction.structures import ActionDataSample

from mmcmd.errors import InputError

GRU = {'type': 'BiGRU', 'mode': 'bidirectional', 'hidden_size': 4, 'num_layers': 1}


@pytest.fixture
def make(make_method):
    """Return a function: options -> a tiny MS2L."""

    def build(**options):
        config = {
            'modalities': ('joint', 'bone'),
            'backbone': {**GRU, 'with_norm': False, 'order': 'cvm'},
            'pooling': {'type': 'GraphPooling', 'eps': 0.01},
            'decoder': {'hidden_size': 5},
            'jigsaw_head': {'hidden_channels': 7},
            'contrast_head': {'hidden_channels': 7, 'out_channels': 6},
            **dict.fromkeys(('neck', 'queue', 'momentum')),
        }
        return make_method('MS2L', **(config | options))

    return build


def average(sequence, valid):
    """Return sum over valid frames / (n + 0.01) of (N, T, D)."""
    return torch.stack(
        [sum(x[t] for t in range(n)) / (n + 0.01) for x, n in zip(sequence, valid, strict=True)]
    )


def contrast(first, second, temperature):
    """Compute C(a, b) row by row."""
    first, second = ([x / x.norm() for x in side] for side in (first, second))
    count, total = len(first), 0.0
    for i in range(count):
        for own, other in ((first, second), (second, first)):
            cross = [(own[i] @ x).item() for x in other]
            same = [-1.0 if j == i else (own[i] @ x).item() for j, x in enumerate(own)]
            terms = [math.exp(x / temperature) for x in cross + same]
            total += math.log(sum(terms)) - cross[i] / temperature
    return total / (2 * count)


def test_losses_are_the_paper_s(make, views):
    model, joints = make().eval(), views(1).double()[:, 0]
    valid, labels = [8, 6, 3, 7], [0, 3, 5, 4]
    found = model.losses_of(joints, torch.tensor(valid), torch.tensor(labels))
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    masked, mixed = joints.clone(), joints.clone()
    for i, (n, label) in enumerate(zip(valid, labels, strict=True)):
        for t in range(8):
            if t >= 0.7 * n:
                masked[i, :, t] = 0
        length = n // 3
        for place, source in enumerate(orders[label]):
            piece = joints[i, :, source * length : (source + 1) * length]
            mixed[i, :, place * length : (place + 1) * length] = piece
    for name, encoder in model.encoders.items():
        with torch.no_grad():
            outputs = [encoder.sequence(x) for x in (joints, masked, mixed)]
            prediction = model.decoders[name](outputs[1])
            scores = model.jigsaw_heads[name](average(outputs[2], valid))
            embeddings = [model.contrast_heads[name](average(x, valid)) for x in outputs]
        target = encoder.modality(joints).permute(0, 2, 4, 3, 1).flatten(2)
        errors = []
        for i, n in enumerate(valid):
            for t in range(8):
                guess = prediction[i, t] if t < n else 0 * prediction[i, t]
                errors += (guess - target[i, t]).square().tolist()
        assert found[f'loss_mse_{name}'].item() == pytest.approx(sum(errors) / len(errors))
        terms = [-x.log_softmax(0)[y].item() for x, y in zip(scores, labels, strict=True)]
        assert found[f'loss_jigsaw_{name}'].item() == pytest.approx(sum(terms) / 4, rel=1e-6)
        mean = (embeddings[0] + embeddings[1] + embeddings[2]) / 3
        expected = sum(contrast(x, mean, 0.9) for x in embeddings) / 3
        assert found[f'loss_{name}'].item() == pytest.approx(expected, rel=1e-6)


def samples(valid):
    return [ActionDataSample(metainfo={'valid_frames': n, 'sample_idx': 0}) for n in valid]


def test_orders_are_drawn_with_the_generator_and_valid_frames_are_read(make, views):
    model, inputs, seen = make(), views(1).double(), []
    model.losses_of = lambda joints, valid, labels: seen.append((valid, labels)) or {}
    for seed, given in ((1, samples([8, 6, 3, 7])), (1, None), (2, None)):
        model.set_progress(0, 0.0, seed)
        model(inputs, given, mode='loss')
    assert [valid.tolist() for valid, _ in seen[:2]] == [[8, 6, 3, 7], [8, 8, 8, 8]]
    assert torch.equal(seen[0][1], seen[1][1])
    assert not torch.equal(seen[1][1], seen[2][1])


def test_feature_is_the_mean_over_the_valid_frames(make, views):
    model, joints = make().eval(), views(1).double()[:, 0]
    valid = torch.tensor([8, 6, 1, 7])
    found = model.extract_feat(joints, 'bone', valid)
    expected = average(model.encoders.bone.sequence(joints), valid.tolist())
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        model.extract_feat(joints, 'bone'), model.extract_feat(joints, 'bone', 0 * valid + 8)
    )


def test_training_lowers_every_loss(make, views):
    model, inputs = make(modalities=('joint',)), views(1).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    found = []
    for _ in range(25):
        model.set_progress(0, 0.0, seed=5)
        losses = model(inputs, mode='loss')
        total, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        found.append([losses[f'loss_{kind}joint'].item() for kind in ('', 'mse_', 'jigsaw_')])
    assert all(last < 0.97 * first for first, last in zip(found[0], found[-1], strict=True))


def test_graph_encoder_with_fewer_steps_takes_a_step_too(make, views):
    model = make(backbone='STGCN', pooling={'type': 'GraphPooling', 'eps': 0.01})
    losses = model(views(1).double(), samples([8, 6, 3, 7]), mode='loss')
    assert all(torch.isfinite(x) for x in losses.values())


def test_batch_of_one_sample_is_told(make, views):
    with pytest.raises(InputError, match=r'MS2L .* needs 2 or more on each rank, but got 1; raise'):
        make()(views(1).double()[:1], mode='loss')


@pytest.mark.parametrize('option', [{'temperature': 0}, {'visible': 0}, {'visible': 1.5}])
def test_options_that_cannot_be_are_told(make, option):
    ((name, value),) = option.items()
    with pytest.raises(InputError, match=f'{name}={value}'):
        make(**option)
