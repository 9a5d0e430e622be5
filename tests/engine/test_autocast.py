import pytest
import torch

from mmcmd.engine import Bfloat16OptimWrapper, autocast
from mmcmd.errors import InputError


def test_bfloat16_training_runs_in_bfloat16_and_keeps_float32_weights(
    make_runner, tiny_options, tmp_path
):
    options = tiny_options | {'optim_wrapper.type': 'Bfloat16OptimWrapper'}
    runner = make_runner('cmd/cmd_bigru_ntu60_xsub.py', tmp_path, options)
    dtypes = set()
    runner.model.necks['joint'].hidden.register_forward_hook(
        lambda module, args, output: dtypes.add((module.training, output.dtype))
    )
    before = [x.clone() for x in runner.model.encoders.parameters()]
    runner.train()
    assert (True, torch.bfloat16) in dtypes
    after = list(runner.model.encoders.parameters())
    assert {x.dtype for x in after} == {torch.float32}
    assert all(x.isfinite().all() for x in after)
    assert any(not torch.equal(x, y) for x, y in zip(before, after, strict=True))


def test_gpu_without_bfloat16_is_told(monkeypatch):
    monkeypatch.setattr(autocast, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda: 'Tesla V100')
    with pytest.raises(InputError, match='Tesla V100 has no bfloat16; train with --amp alone'):
        Bfloat16OptimWrapper(optimizer=torch.optim.SGD([torch.zeros(1)], lr=1))
