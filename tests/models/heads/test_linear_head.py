import pytest
import torch

from mmcmd.models import LinearHead


def test_head_starts_at_small_normal_weights_and_no_bias():
    head = LinearHead(in_channels=500, num_classes=60)
    assert head.fc.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert head.fc.weight.mean().item() == pytest.approx(0, abs=5e-4)
    assert not head.fc.bias.any()
    assert head(torch.zeros(2, 500)).shape == (2, 60)
