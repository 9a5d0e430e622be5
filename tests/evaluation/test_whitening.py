import numpy as np
import pytest
import torch
from scipy.linalg import inv, sqrtm

from mmcmd.errors import InputError
from mmcmd.evaluation.knn import KNNMetric
from mmcmd.evaluation.whitening import fit_whitening, whiten


@pytest.fixture
def features():
    """Return 7 queries and 40 features of a gallery, with one direction of large variance."""
    generator = torch.Generator().manual_seed(0)
    feats = torch.randn(47, 6, generator=generator) * torch.tensor([20, 1, 1, 1, 0.5, 0.1]) + 3
    return feats[:7], feats[7:]


@pytest.mark.parametrize('ridge', [0.1, 2.0])
def test_features_are_multiplied_by_the_inverse_root_of_the_covariance(features, ridge):
    found = whiten({'joint': features[0]}, {'joint': features[1]}, ridge)
    asked, known = (x.double().numpy() for x in features)
    asked, known = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (asked, known))
    covariance = np.cov(known.T, bias=True)
    whole = covariance + ridge * np.trace(covariance) / 6 * np.eye(6)
    expected = [(x - known.mean(axis=0)) @ inv(sqrtm(whole)) for x in (asked, known)]
    for side, wanted in zip(found, expected, strict=True):
        # The sign of a direction is arbitrary, so products are compared.
        rows = side['joint'].double().numpy()
        np.testing.assert_allclose(rows @ rows.T, wanted @ wanted.T, atol=1e-4)


@pytest.mark.parametrize('ridge', [0.1, 1000.0])
def test_fewer_features_than_dimensions_are_whitened_by_the_same_matrix(ridge):
    generator = torch.Generator().manual_seed(0)
    feature = torch.randn(9, 5, generator=generator) @ torch.randn(5, 30, generator=generator)
    mean, matrix, variance = fit_whitening(feature, ridge)
    known = feature.double().numpy()
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    covariance = np.cov(known.T, bias=True)
    expected = inv(sqrtm(covariance + ridge * np.trace(covariance) / 30 * np.eye(30)))
    np.testing.assert_allclose(mean, known.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(matrix, expected, rtol=1e-9, atol=1e-9 * abs(expected).max())
    assert variance == pytest.approx(np.trace(expected @ covariance @ expected) / 30)


def test_no_direction_decides_alone(features):
    queries, gallery = ({'joint': x} for x in features)
    _, whitened = whiten(queries, gallery, 1e-6)
    covariance = torch.cov(whitened['joint'].T, correction=0)
    assert torch.allclose(covariance, torch.eye(6), atol=1e-2)


def test_neighbours_are_found_among_whitened_features():
    """The class depends on a direction of small variance; another direction has large noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(300) % 2
    feats = torch.randn(300, 4, generator=generator) * torch.tensor([5.0, 5, 5, 0.02])
    feats[:, 3] += labels * 0.4
    feats = torch.cat([feats, torch.full((300, 1), 40.0)], dim=1)

    def accuracy(**options):
        metric = KNNMetric(**options)
        sides = ({'joint': feats[:100].clone()}, {'joint': feats[100:].clone()})
        predicted = metric.classify(*sides, labels[100:])['joint'].cpu()
        return (predicted == labels[:100]).double().mean().item()

    assert accuracy(whiten=1e-4) > 0.95
    assert accuracy() < 0.75


def test_equal_features_stay_finite():
    for shape in ((4, 3), (3, 8), (1, 8)):
        same = {'joint': torch.ones(shape)}
        for side in whiten(same, same, 2.0):
            assert torch.isfinite(side['joint']).all()


@pytest.mark.parametrize('ridge', [0, -1.0])
def test_ridge_must_be_positive(features, ridge):
    with pytest.raises(InputError, match='whiten must be more than 0, or None, got'):
        whiten({'joint': features[0]}, {'joint': features[1]}, ridge)
