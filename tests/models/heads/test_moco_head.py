import pytest
import torch
import torch.nn.functional as F

from mmcmd.models import MoCoHead


def keys(count, start=0):
    """Return unit vectors (count, 4), each different, that tell when they were made."""
    angle = torch.arange(start, start + count) * 0.1
    return torch.stack([angle.cos(), angle.sin(), 0 * angle, 0 * angle], dim=1)


def test_queue_starts_with_normalised_columns():
    head = MoCoHead(feat_dim=4, queue_size=9)
    torch.testing.assert_close(head.queue.norm(dim=0), torch.ones(9))
    assert head.queue_ptr.item() == 0
    assert set(head.state_dict()) == {'queue', 'queue_ptr'}


@pytest.mark.parametrize('batch', [1, 3, 5, 7, 8, 17])
def test_queue_is_a_ring_for_any_batch_size(batch):
    head = MoCoHead(feat_dim=4, queue_size=7)
    ring, pointer = [column.tolist() for column in head.queue.T], 0
    for step in range(6):
        new = keys(batch, step * batch)
        head.enqueue(new)
        for key in new.tolist():
            ring[pointer] = key
            pointer = (pointer + 1) % 7
        assert head.queue.T.tolist() == ring
        assert head.queue_ptr.tolist() == [pointer]
    torch.testing.assert_close(head.queue.norm(dim=0), torch.ones(7))


def test_backward_after_enqueue_uses_what_the_queue_held():
    torch.manual_seed(0)
    head = MoCoHead(feat_dim=4, queue_size=7, temperature=0.2)
    query = F.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    key = F.normalize(torch.randn(3, 4), dim=1)
    held = head.queue.clone()

    loss, _ = head(query, key, head.similarities(query))
    head.enqueue(key)
    loss.backward()

    plain = query.detach().clone().requires_grad_()
    logits = torch.cat([(plain * key).sum(1, keepdim=True), plain @ held], dim=1) / 0.2
    expected = F.cross_entropy(logits, torch.zeros(3, dtype=torch.long))
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(query.grad, plain.grad)


def test_accuracy_of_matching_keys_is_one_and_of_opposite_ones_zero():
    head = MoCoHead(feat_dim=4, queue_size=7)
    query = F.normalize(torch.randn(5, 4), dim=1)
    negatives = head.similarities(query)
    assert head(query, query, negatives)[1].item() == 1
    assert head(query, -query, negatives)[1].item() == 0


def test_queue_takes_no_gradient():
    head = MoCoHead(feat_dim=4, queue_size=7)
    key = F.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    head.enqueue(key)
    assert not head.queue.requires_grad
    assert not list(head.parameters())
