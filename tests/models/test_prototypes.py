"""Assignments to prototypes, their loss and KoLeo, each against a plain restatement."""

import math

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing

from mmcmd.models.prototypes import assignment_loss, koleo, prototype_log_probs, sinkhorn


@pytest.fixture
def logits():
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).double()


def plain_sinkhorn(logits, temperature):
    table = [[math.exp(x / temperature) for x in row] for row in logits.tolist()]
    total = sum(map(sum, table))
    table = [[x / total for x in row] for row in table]
    rows, columns = len(table), len(table[0])
    for _ in range(3):
        for column in range(columns):
            mass = sum(row[column] for row in table)
            for row in table:
                row[column] /= mass * columns
        table = [[x / (sum(row) * rows) for x in row] for row in table]
    return torch.tensor([[x * rows for x in row] for row in table], dtype=torch.float64)


def test_sinkhorn_is_the_plain_one(logits):
    torch.testing.assert_close(sinkhorn(logits, 0.3), plain_sinkhorn(logits, 0.3))


def test_assignments_are_probabilities_with_balanced_prototypes(logits):
    assigned = sinkhorn(logits, 0.5, num_iters=200)
    torch.testing.assert_close(assigned.sum(dim=1), torch.ones(6).double())
    torch.testing.assert_close(assigned.sum(dim=0), torch.full((4,), 6 / 4).double())


def test_large_logits_and_empty_batches_give_no_nan(logits):
    assert sinkhorn(logits.float() * 40, 0.04).isfinite().all()
    assert sinkhorn(logits[:0], 0.04).shape == (0, 4)


def test_assignments_have_no_gradient(logits):
    assert not sinkhorn(logits.requires_grad_(), 0.3).requires_grad


def test_loss_is_the_cross_entropy_of_each_row(logits):
    assigned = sinkhorn(logits, 0.3)
    log_probs = prototype_log_probs(logits, 0.1)
    expected = [
        -sum(t * (x - row.logsumexp(0)) for t, x in zip(target, row, strict=True))
        for target, row in zip(assigned, logits / 0.1, strict=True)
    ]
    torch.testing.assert_close(assignment_loss(assigned, log_probs), torch.stack(expected))


def test_koleo_is_the_mean_log_distance_to_the_nearest_other_point():
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(1)).double()
    unit = points / points.norm(dim=1, keepdim=True)
    expected = 0
    for i in range(5):
        distances = [(unit[i] - unit[j] + 1e-6).norm() for j in range(5) if j != i]
        expected -= (min(distances) + 1e-6).log() / 5
    torch.testing.assert_close(koleo(points), expected)


def test_koleo_pushes_near_points_apart():
    points = torch.tensor([[1.0, 0.01], [1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    koleo(points).backward()
    assert points.grad[0, 1] < 0 < points.grad[1, 1]


def assign(rank, parts, folder):
    """Save the assignments of a rank's part of the logits."""
    rendezvous = f'file://{folder}/rendezvous'
    dist.init_process_group('gloo', rendezvous, rank=rank, world_size=len(parts))
    torch.save(sinkhorn(parts[rank], 0.3), folder / f'{rank}.pth')


def test_two_ranks_balance_their_embeddings_together(logits, tmp_path):
    parts = logits.split([4, 2])  # as numbers of masked tokens differ
    fork = torch.multiprocessing.get_context('fork')
    processes = [fork.Process(target=assign, args=(rank, parts, tmp_path)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    found = [torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in (0, 1)]
    torch.testing.assert_close(torch.cat(found), sinkhorn(logits, 0.3))
