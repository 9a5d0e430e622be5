"""STARS equals plain loops, and refuses wrong input."""

import math

import pytest
import torch
from mmaction.structures import ActionDataSample

from mmcmd.errors import InputError
from mmcmd.models.pretrainers.stars import nearest_keys
from mmcmd.registry import MODELS

BACKBONE = {'type': 'SkeletonTransformer', 'clip_len': 8, 'embed_dims': 6, 'depth': 2}
BACKBONE |= {'num_heads': 2}


def samples(*ids):
    return [ActionDataSample(metainfo={'sample_idx': x}) for x in ids]


@pytest.fixture
def make():
    """Return a function: options -> a tiny STARS with the same weights each time."""

    def build(**options):
        torch.manual_seed(0)
        config = {'type': 'STARS', 'modalities': ['joint'], 'backbone': BACKBONE}
        sizes = {'neck': {'hidden_channels': 10}, 'queue': {'size': 8}}
        return MODELS.build({**config, **sizes, **options})

    return build


@pytest.fixture
def inputs():
    """Return two different views (N, 2, M, T, V, C)."""
    return torch.randn(4, 2, 2, 8, 25, 3, generator=torch.Generator().manual_seed(0))


def test_neighbour_is_the_nearest_key_of_another_sample(make):
    queue = make().queues['joint']
    queue.ids[:] = torch.tensor([0, 0, 1, 2, -1, -1, 3, 0])
    embeddings = queue.queue.T[[1, 2, 6]].clone()
    found = nearest_keys(queue, embeddings, torch.tensor([0, 1, 9]))
    for embedding, own, neighbour in zip(embeddings, (0, 1, 9), found, strict=True):
        others = [k for k, x in zip(queue.queue.T, queue.ids, strict=True) if x != own]
        best = max(others, key=lambda key: (embedding @ key).item())
        assert torch.equal(neighbour, best)
    assert torch.equal(found[2], embeddings[2])  # its id is not in the queue


def test_loss_is_that_of_a_loop(make, inputs):
    model, other = make(), make()
    embedded = other.embed('joint', inputs)
    queue = other.queues['joint']
    total = 0
    for view, (_, prediction) in enumerate(embedded):
        neighbours = nearest_keys(queue, embedded[1 - view][0], torch.arange(4))
        for row in range(4):
            logits = [(neighbours[row] @ p).item() / 0.07 for p in prediction]
            total += math.log(sum(math.exp(x) for x in logits)) - logits[row]
    found = model(inputs, samples(0, 1, 2, 3), mode='loss')['loss_joint']
    assert found.item() == pytest.approx(total / 8, rel=1e-4)


def test_embeddings_of_the_first_view_enter_the_queue_with_their_ids(make, inputs):
    model = make()
    first = make().embed('joint', inputs)[0][0]
    model(inputs, samples(5, 6, 7, 8), mode='loss')
    queue = model.queues['joint']
    assert torch.allclose(queue.queue[:, :4].T, first, atol=1e-6)
    assert queue.ids.tolist() == [5, 6, 7, 8, -1, -1, -1, -1]


def test_second_view_has_no_gradient_unless_asked_for(make, inputs):
    norms = []
    for both in (False, True):
        model = make(both_gradients=both)
        pairs = model.embed('joint', inputs)
        assert [p.requires_grad for _, p in pairs] == [True, both]
        model(inputs, samples(0, 1, 2, 3), mode='loss')['loss_joint'].backward()
        norms.append(model.necks['joint'].predictor[3].weight.grad.norm().item())
    assert norms[1] != pytest.approx(norms[0], rel=1e-3)


@pytest.mark.parametrize('given', [None, [ActionDataSample() for _ in range(4)]])
def test_samples_without_ids_are_refused(make, inputs, given):
    with pytest.raises(InputError, match='add sample_idx to the meta_keys of PackActionInputs'):
        make()(inputs, given, mode='loss')


def test_training_starts_with_the_encoder_of_a_checkpoint(make, tmp_path):
    torch.manual_seed(5)
    other = MODELS.build({'type': 'MAMP', 'modalities': ['joint'], 'backbone': BACKBONE})
    file = tmp_path / 'mamp.pth'
    torch.save({'state_dict': other.state_dict()}, file)
    model = make(encoder_from=str(file))
    model.init_weights()
    expected = other.encoders.state_dict()
    found = model.encoders.state_dict()
    assert all(torch.equal(found[name], x) for name, x in expected.items())
