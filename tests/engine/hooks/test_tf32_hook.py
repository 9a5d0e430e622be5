import pytest
import torch
from mmengine.config import Config

from mmcmd.engine import TF32Hook
from mmcmd.registry import HOOKS


@pytest.fixture(autouse=True)
def switches():
    """Restore the switches of torch."""
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


@pytest.mark.parametrize('matmul', [True, False])
@pytest.mark.parametrize('cudnn', [True, False])
def test_by_default_torch_s_switches_stay_as_they_are(matmul, cudnn):
    torch.backends.cuda.matmul.allow_tf32 = matmul
    torch.backends.cudnn.allow_tf32 = cudnn
    TF32Hook().before_run(None)
    assert torch.backends.cuda.matmul.allow_tf32 is matmul
    assert torch.backends.cudnn.allow_tf32 is cudnn


def test_config_leaves_the_choice_and_an_option_makes_it(root):
    config = Config.fromfile(root / 'configs/_base_/default_runtime.py')
    assert 'tf32' not in config.default_hooks
    option = {'default_hooks.tf32.type': 'TF32Hook', 'default_hooks.tf32.enabled': True}
    config.merge_from_dict(option)
    assert HOOKS.build(config.default_hooks.tf32).enabled is True
