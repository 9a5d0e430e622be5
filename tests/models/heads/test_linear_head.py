import pytest
import torch

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
