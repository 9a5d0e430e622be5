"""Encoders that are loaded get no random initial weights."""

import torch
from torch import nn

from mmcmd.inference.checkpoints import _ZeroInitialisation


def test_values_of_the_memory_do_not_matter():
    weight = nn.Parameter(torch.full((4, 4), 1e9))
    with _ZeroInitialisation():
        nn.init.trunc_normal_(weight, std=0.02)  # it would try for ever with these values
        noise = torch.full((2,), 5.0).normal_()
    assert not weight.any()
    assert not noise.any()
