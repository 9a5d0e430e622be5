"""SkeletonCLR is MoCo v2 for each stream; key encoders may start with other weights."""

import pytest
import torch


def train(model, inputs, steps=3):
    """Return losses of a few steps of SGD, and the final state."""
    optimizer = torch.optim.SGD([x for x in model.parameters() if x.requires_grad], lr=0.1)
    found = []
    for _ in range(steps):
        losses = model(inputs, mode='loss')
        optimizer.zero_grad()
        sum(x for name, x in losses.items() if 'loss' in name).backward()
        optimizer.step()
        found.append({name: x.item() for name, x in losses.items()})
    return found, model.state_dict()


@pytest.mark.parametrize('backbone', ['BiGRU', 'STGCN'])
def test_it_equals_cmd_without_distillation(make_method, views, backbone):
    clr, moco = (make_method(kind, backbone=backbone) for kind in ('SkeletonCLR', 'CMD'))
    moco.load_state_dict(clr.state_dict())
    (found, state), (expected, other) = (train(x, views(2).double()) for x in (clr, moco))
    assert found == expected
    assert all(torch.equal(state[name], x) for name, x in other.items())


def test_streams_trained_together_learn_as_each_alone(make_method, views):
    together = make_method('SkeletonCLR')
    alone = make_method('SkeletonCLR', modalities=('motion',))
    start = {name: x for name, x in together.state_dict().items() if '.motion.' in name}
    alone.load_state_dict(start)
    (_, state), (_, expected) = (train(x, views(2).double()) for x in (together, alone))
    for name, x in expected.items():
        torch.testing.assert_close(state[name], x, msg=name)


@pytest.mark.parametrize('copy_keys', [True, False])
def test_key_encoders_start_as_copies_unless_they_are_to_start_apart(make_method, copy_keys):
    normal = {'type': 'Normal', 'layer': 'Linear', 'std': 0.02}
    model = make_method('SkeletonCLR', copy_keys=copy_keys, init_cfg=normal)
    model.init_weights()
    for name in model.streams:
        query, key = model.necks[name].out.weight, model.key_necks[name].out.weight
        assert torch.equal(query, key) == copy_keys
        assert 0.01 < key.std() < 0.03


def test_momentum_outside_its_range_is_told(make_method):
    for momentum in (0, 1.5, -0.1):
        with pytest.raises(ValueError, match='momentum is the fraction taken'):
            make_method('SkeletonCLR', momentum=momentum)
