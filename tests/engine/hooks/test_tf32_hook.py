import pytest
import torch

from mmcmd.engine import TF32Hook


@pytest.fixture(autouse=True)
def switches():
    """Put torch's switches back."""
    parts = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [part.allow_tf32 for part in parts]
    yield
    for part, value in zip(parts, before, strict=True):
        part.allow_tf32 = value


@pytest.mark.parametrize('enabled', [True, False])
def test_products_and_recurrent_layers_round_alike(enabled):
    TF32Hook(enabled).before_run(None)
    assert torch.backends.cuda.matmul.allow_tf32 is enabled
    assert torch.backends.cudnn.allow_tf32 is enabled
