"""The terms of USDRL equal plain loops."""

import pytest
import torch

from mmcmd.models.decorrelation import cross_correlation, invariance, variance_covariance


@pytest.fixture
def views():
    return list(torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0)).double())


def mean_square(a, b):
    return (
        sum((x - y) ** 2 for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True))
        / a.numel()
    )


def test_invariance_treats_the_last_view_differently(views):
    a, b, c, d = views
    o = (a + b + c) / 3
    expected = sum(mean_square(x, d) + mean_square(x, o) for x in (a, b, c))
    assert invariance(views).item() == pytest.approx(expected)


def test_variance_and_covariance(views):
    z = views[0] * torch.tensor([0.1, 0.5, 3.0])
    hinge, off = 0.0, 0.0
    for j in range(3):
        mean = sum(z[:, j].tolist()) / 6
        variance = sum((x - mean) ** 2 for x in z[:, j].tolist()) / 5
        hinge += max(0, 1 - (variance + 1e-4) ** 0.5) / 3
        for k in range(3):
            if j != k:
                other = sum(z[:, k].tolist()) / 6
                pairs = zip(z[:, j].tolist(), z[:, k].tolist(), strict=True)
                off += (sum((x - mean) * (y - other) for x, y in pairs) / 5) ** 2
    assert variance_covariance(z).item() == pytest.approx(5 * hinge + off / 3)


def test_cross_correlation_divides_by_n(views):
    first, second = views[:2]
    total = 0.0
    for j in range(3):
        for k in range(3):
            x, y = first[:, j], second[:, k]
            x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
            c = sum((x * y).tolist()) / 6
            total += (c - 1) ** 2 if j == k else 0.005 * c**2
    assert cross_correlation(first, second).item() == pytest.approx(total)


def test_channel_without_deviation_gives_nan(views):
    views[0][:, 1] = 2
    assert cross_correlation(*views[:2]).isnan()
