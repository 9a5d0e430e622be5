import pytest
import torch
import torch.nn.functional as F

from mmcmd.errors import InputError
from mmcmd.models import KeyQueue, MoCoHead


def keys(count, start=0):
    """Return different unit vectors (count, 4). Each one depends on its number."""
    angle = torch.arange(start, start + count) * 0.1
    return torch.stack([angle.cos(), angle.sin(), 0 * angle, 0 * angle], dim=1)


def test_queue_starts_with_normalised_columns():
    queue = KeyQueue(feat_dim=4, size=9)
    torch.testing.assert_close(queue.queue.norm(dim=0), torch.ones(9))
    assert queue.queue_ptr.item() == 0
    assert set(queue.state_dict()) == {'queue', 'queue_ptr'}


@pytest.mark.parametrize('batch', [1, 3, 5, 7, 8, 17])
def test_queue_is_a_ring_for_any_batch_size(batch):
    queue = KeyQueue(feat_dim=4, size=7)
    ring, pointer = [column.tolist() for column in queue.queue.T], 0
    for step in range(6):
        new = keys(batch, step * batch)
        queue.enqueue(new)
        for key in new.tolist():
            ring[pointer] = key
            pointer = (pointer + 1) % 7
        assert queue.queue.T.tolist() == ring
        assert queue.queue_ptr.tolist() == [pointer]
    torch.testing.assert_close(queue.queue.norm(dim=0), torch.ones(7))


def test_backward_after_enqueue_uses_what_the_queue_held():
    torch.manual_seed(0)
    queue, head = KeyQueue(feat_dim=4, size=7), MoCoHead(temperature=0.2)
    query = F.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    key = F.normalize(torch.randn(3, 4), dim=1)
    held = queue.queue.clone()

    loss, _ = head(query, key, queue.similarities(query))
    queue.enqueue(key)
    loss.backward()

    plain = query.detach().clone().requires_grad_()
    logits = torch.cat([(plain * key).sum(1, keepdim=True), plain @ held], dim=1) / 0.2
    expected = F.cross_entropy(logits, torch.zeros(3, dtype=torch.long))
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(query.grad, plain.grad)


def test_accuracy_of_matching_keys_is_one_and_of_opposite_ones_zero():
    head = MoCoHead()
    query = F.normalize(torch.randn(5, 4), dim=1)
    negatives = KeyQueue(feat_dim=4, size=7).similarities(query)
    assert head(query, query, negatives)[1].item() == 1
    assert head(query, -query, negatives)[1].item() == 0


def test_queue_takes_no_gradient():
    queue = KeyQueue(feat_dim=4, size=7)
    key = F.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    queue.enqueue(key)
    assert not queue.queue.requires_grad
    assert not list(queue.parameters())


@pytest.mark.parametrize('batch', [1, 3, 5, 7, 8, 17])
def test_ids_follow_their_keys_through_the_ring(batch):
    queue = KeyQueue(feat_dim=4, size=7, with_ids=True)
    assert queue.ids.tolist() == [-1] * 7
    key_of = {}
    for step in range(4):
        ids = torch.arange(batch) + step * batch
        queue.enqueue(new := keys(batch, step * batch), ids)
        key_of |= dict(zip(ids.tolist(), new.tolist(), strict=True))
    seen = {
        number: column for number, column in zip(queue.ids.tolist(), queue.queue.T, strict=True)
    }
    newest = range(max(0, 4 * batch - 7), 4 * batch)
    assert set(seen) == {*newest} | ({-1} if 4 * batch < 7 else set())
    assert all(seen[number].tolist() == key_of[number] for number in newest)


def test_ids_are_part_of_the_state():
    first, second = (KeyQueue(feat_dim=4, size=7, with_ids=True) for _ in range(2))
    first.enqueue(keys(3), torch.tensor([8, 6, 7]))
    second.load_state_dict(first.state_dict())
    assert second.ids.tolist() == [8, 6, 7, -1, -1, -1, -1]


@pytest.mark.parametrize('size', [0, -3])
def test_queue_without_room_is_told(size):
    with pytest.raises(InputError, match=f'size of 1 or more, but got size={size}'):
        KeyQueue(size=size)


def test_temperature_of_zero_is_told():
    with pytest.raises(InputError, match='positive temperature, but got 0'):
        MoCoHead(temperature=0)


@pytest.mark.parametrize(('with_ids', 'ids'), [(True, None), (False, torch.arange(2))])
def test_ids_are_given_to_a_queue_that_keeps_them_and_to_no_other(with_ids, ids):
    queue = KeyQueue(feat_dim=4, size=7, with_ids=with_ids)
    with pytest.raises(InputError, match='needs sample ids if it is built with with_ids=True'):
        queue.enqueue(keys(2, 0), ids)


def test_queue_of_keys_that_are_not_normalised_starts_uniform():
    queue = KeyQueue(feat_dim=12, size=4000, normalized=False).queue
    assert queue.abs().max() <= 0.5  # sqrt(3 / 12)
    assert queue.abs().max() > 0.49
    # The mean squared length of a key is 1, as D s^2 / 3 says.
    assert queue.square().sum(dim=0).mean().item() == pytest.approx(1, abs=0.05)
