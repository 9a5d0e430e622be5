import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F

from mmcmd.models import LinearHead


def test_head_starts_at_small_normal_weights_and_no_bias():
    head = LinearHead(in_channels=500, num_classes=60)
    assert head.fc.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert head.fc.weight.mean().item() == pytest.approx(0, abs=5e-4)
    assert not head.fc.bias.any()
    assert head(torch.zeros(2, 500)).shape == (2, 60)


def test_norm_makes_the_scores_independent_of_the_scale_of_the_features():
    head = LinearHead(in_channels=6, num_classes=3, with_norm=True)
    features = torch.randn(20, 6)
    torch.testing.assert_close(head(features), head(100 * features + 5), rtol=1e-3, atol=1e-5)
    assert [name for name, _ in head.named_parameters()] == ['fc.weight', 'fc.bias']


def test_whitened_features_have_one_variance_in_all_directions():
    torch.manual_seed(0)
    features = torch.randn(400, 6) @ torch.randn(6, 6) + 2
    head = LinearHead(in_channels=6, num_classes=3, whiten=1e-6)
    head.fit(features)
    covariance = torch.cov(head.whitening(features).T)
    torch.testing.assert_close(covariance, torch.eye(6), rtol=0.01, atol=0.01)


def test_ridge_of_the_whitening_is_that_of_its_formula():
    torch.manual_seed(0)
    features, ridge = torch.randn(50, 4) * torch.tensor([3.0, 1, 1, 0.1]), 0.5
    head = LinearHead(in_channels=4, num_classes=3, whiten=ridge)
    head.fit(features)
    unit = F.normalize(features.double(), dim=1)
    centred = (unit - unit.mean(0)).numpy()
    covariance = centred.T @ centred / 50
    root = scipy.linalg.sqrtm(covariance + ridge * np.trace(covariance) / 4 * np.eye(4))
    wanted = centred @ np.linalg.inv(root)
    wanted /= np.sqrt((wanted**2).mean())
    found = head.whitening(features).detach().double().numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_whitening_is_part_of_the_weights_and_is_not_trained():
    head = LinearHead(in_channels=4, num_classes=3, whiten=0.1)
    head.fit(torch.randn(30, 4))
    other = LinearHead(in_channels=4, num_classes=3, whiten=0.1)
    other.load_state_dict(head.state_dict())
    features = torch.randn(5, 4)
    assert torch.equal(other(features), head(features))
    assert [name for name, _ in head.named_parameters()] == ['fc.weight', 'fc.bias']
    equal = LinearHead(in_channels=4, num_classes=3, whiten=0.1)
    equal.fit(torch.full((7, 4), 0.3))
    assert torch.isfinite(equal(features)).all()
