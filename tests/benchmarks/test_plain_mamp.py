"""MAMP gives the same results as the plain code that it is compared with."""

import pytest
import torch

from benchmarks.plain_mamp import plain_mamp
from mmcmd.registry import MODELS


@pytest.fixture
def model():
    """Return a tiny MAMP."""
    torch.manual_seed(0)
    backbone = {'type': 'SkeletonTransformer', 'clip_len': 16, 'embed_dims': 16, 'depth': 2}
    return MODELS.build(
        {
            'type': 'MAMP',
            'modalities': ['joint'],
            'backbone': backbone | {'num_heads': 4},
            'decoder': {'embed_dims': 16, 'depth': 2, 'num_heads': 4},
        }
    )


def test_loss_and_gradients_are_those_of_the_plain_restatement(model):
    generator = torch.Generator().manual_seed(0)
    joints = torch.randn(3, 2, 16, 25, 3, generator=generator)
    joints[1, 1] = 0
    uniform = torch.rand(6, 100, generator=generator)
    losses, gradients = [], []
    for loss in (
        model.prediction_error('joint', joints, uniform),
        plain_mamp(model, joints, uniform),
    ):
        model.zero_grad()
        loss.backward()
        losses.append(loss.item())
        gradients.append([x.grad.clone() for x in model.parameters()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for ours, plain in zip(*gradients, strict=True):
        assert torch.allclose(ours, plain, atol=1e-5)
