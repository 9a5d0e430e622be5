"""P&C equals its loss in plain code, also for a batch with padding."""

import pytest
import torch
from mmaction.structures import ActionDataSample

GRU = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1, 'with_norm': False}


@pytest.fixture
def make(make_method):
    """Return a function: options -> a tiny P&C."""

    def build(**options):
        nothing = dict.fromkeys(('neck', 'queue', 'momentum'))
        return make_method('PredictCluster', backbone=GRU, **nothing, **options)

    return build


def samples(valid):
    return [ActionDataSample(metainfo={'valid_frames': n}) for n in valid]


def test_loss_counts_padding_up_to_the_longest_sequence(make, views):
    model, inputs = make().eval(), views(1).double()
    valid = [5, 2, 6, 3]
    for sample, n in zip(inputs, valid, strict=True):
        sample[:, :, n:] = 0
    found = model(inputs, samples(valid), mode='loss')
    for name, encoder in model.encoders.items():
        terms = []
        for i, n in enumerate(valid):
            joints = inputs[i, :, :, :6]
            frames = encoder.modality(joints).permute(0, 2, 3, 4, 1).flatten(2)
            with torch.no_grad():
                feature = encoder.sequence(joints)[:, n - 1]  # the last valid frame
                guess = model.decoders[name](feature, frames)
            terms.append(sum((guess - frames).abs().flatten().tolist()) / n)
        assert found[f'loss_{name}'].item() == pytest.approx(sum(terms) / 4)


def test_frames_after_the_longest_sequence_change_nothing(make, views):
    model, inputs = make(modalities=('joint',)), views(1).double()
    changed = inputs.clone()
    changed[:, :, :, 6:] = 9
    losses = [model(x, samples([5, 2, 6, 3]), mode='loss')['loss_joint'] for x in (inputs, changed)]
    assert torch.equal(*losses)
    whole = model(inputs, None, mode='loss')['loss_joint']
    assert torch.equal(whole, model(inputs, samples([8] * 4), mode='loss')['loss_joint'])
    assert not torch.equal(whole, losses[0])


@pytest.mark.parametrize('kind', ['zero', 'fixed_state', 'teacher'])
def test_training_lowers_the_loss(make, views, kind):
    model = make(modalities=('joint',), decoder={'inputs': kind})
    inputs, found = views(1).double(), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(20):
        loss = model(inputs, samples([8, 6, 7, 8]), mode='loss')['loss_joint']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert found[-1] < 0.97 * found[0]
