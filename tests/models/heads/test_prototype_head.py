"""Logits of prototypes: cosines times the lengths of the prototypes."""

import torch
import torch.nn.functional as F

from mmcmd.registry import MODELS


def test_logits_are_cosines_times_lengths():
    torch.manual_seed(0)
    head = MODELS.build(
        {
            'type': 'PrototypeHead',
            'in_channels': 6,
            'hidden_channels': 5,
            'bottleneck_channels': 4,
            'out_channels': 3,
        }
    )
    tokens = torch.randn(7, 6)
    assert head(tokens).abs().max() <= 1  # all lengths are 1 at the start
    with torch.no_grad():
        head.prototypes.length.copy_(torch.tensor([[1.0], [2.0], [3.0]]))
    hidden = head.layers(tokens)
    cosines = F.cosine_similarity(hidden[:, None], head.prototypes.direction, dim=2)
    torch.testing.assert_close(head(tokens), cosines * torch.tensor([1.0, 2.0, 3.0]))
