import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mmcmd.models.functional import (
    attention_drop,
    contrastive_accuracy,
    info_nce,
    momentum_update,
    neighbour_distribution,
    neighbour_kl,
)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def softmax(row, temperature):
    powers = [math.exp(x / temperature) for x in row]
    return [x / sum(powers) for x in powers]


def test_info_nce_is_equation_1():
    positive, negatives = random(5), random(5, 7, seed=1)
    expected = 0.0
    for n in range(5):
        own = math.exp(positive[n].item() / 0.07)
        others = sum(math.exp(negatives[n, i].item() / 0.07) for i in range(7))
        expected += -math.log(own / (own + others)) / 5
    assert info_nce(positive, negatives, 0.07).item() == pytest.approx(expected, rel=1e-12)


def test_info_nce_is_finite_where_exp_overflows():
    loss = info_nce(torch.tensor([-1.0]), torch.tensor([[1.0, 1.0]]), 0.001)
    assert loss.item() == pytest.approx(2000 + math.log(2), rel=1e-6)


def test_contrastive_accuracy_counts_queries_nearest_to_their_own_key():
    positive = torch.tensor([0.5, 0.5, 0.9, -0.2])
    negatives = torch.tensor([[0.4, 0.3], [0.4, 0.6], [0.9, 0.1], [-0.3, -0.4]])
    # The third one equals a negative, which does not count as correct.
    assert contrastive_accuracy(positive, negatives).item() == 0.5


def test_neighbour_distribution_is_the_log_of_equation_2():
    similarities = random(3, 6)
    found = neighbour_distribution(similarities, 0.1).exp()
    for row, expected in zip(found.tolist(), similarities.tolist(), strict=True):
        assert row == pytest.approx(softmax(expected, 0.1), rel=1e-10)


def test_neighbour_kl_is_equation_3_teacher_first():
    teacher, student = random(4, 6), random(4, 6, seed=1)
    expected = 0.0
    for t_row, s_row in zip(teacher.tolist(), student.tolist(), strict=True):
        p, q = softmax(t_row, 0.5), softmax(s_row, 0.9)
        expected += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / 4
    assert neighbour_kl(teacher, student, 0.5, 0.9).item() == pytest.approx(expected, rel=1e-12)


@given(
    rows=st.lists(st.lists(st.floats(-1, 1), min_size=4, max_size=4), min_size=2, max_size=2),
    temperatures=st.tuples(st.floats(0.05, 2), st.floats(0.05, 2)),
)
@settings(max_examples=50, deadline=None)
def test_divergence_is_never_negative_and_zero_for_equal_distributions(rows, temperatures):
    teacher, student = torch.tensor(rows, dtype=torch.float64)[:, None]
    assert neighbour_kl(teacher, student, *temperatures).item() >= -1e-12
    tau = temperatures[0]
    assert neighbour_kl(teacher, teacher, tau, tau).item() == pytest.approx(0, abs=1e-12)


def test_momentum_is_the_fraction_taken_from_the_query_encoder():
    query, key = (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)) for _ in range(2))
    query[1].running_mean.fill_(5)
    before = [parameter.clone() for parameter in key.parameters()]
    momentum_update(key, query, 0.25)
    for old, new, other in zip(before, key.parameters(), query.parameters(), strict=True):
        torch.testing.assert_close(new, 0.75 * old + 0.25 * other)
    assert key[1].running_mean.tolist() == [0, 0], 'the key encoder keeps its own statistics'
    assert all(parameter.grad_fn is None for parameter in key.parameters())


def test_attention_drop_of_half_precision_does_not_overflow():
    feature_map = random(16, 2, 64, 13, 25)  # the sum of its mask exceeds what float16 can hold
    found = attention_drop(feature_map.half(), keep=0.7)
    assert found.dtype == torch.float32
    expected = attention_drop(feature_map.half().float(), keep=0.7)
    torch.testing.assert_close(found, expected)
    assert found.abs().mean() > 0.1


def test_attention_drop_that_keeps_nothing_is_zero():
    found = attention_drop(random(2, 1, 3, 4, 5), keep=0.6)  # no attention is below 0.62
    assert not found.any()
