"""On a GPU, reading a tensor of the step makes host and device wait for each other.

Nothing in a training step may do so; that it does not can be seen on a CPU too, where every
operator and every method that would read is recorded.
"""

from contextlib import ExitStack

import pytest
import torch
from mmengine.hooks import Hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from mmcmd.engine.host_copy import HostCopy

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
STGCN = {
    'type': 'STGCN',
    'base_channels': 4,
    'num_stages': 2,
    'graph_cfg': {'layout': 'nturgb+d', 'mode': 'stgcn_spatial'},
}
# What gives the host a value, or a shape that depends on values.
METHODS = {'item', 'tolist', 'numpy', 'cpu', '__bool__', '__int__', '__float__', '__index__'}
OPERATORS = {
    *('_local_scalar_dense', 'is_nonzero', 'nonzero', 'masked_select', 'equal'),
    *('_unique2', 'unique_dim', 'unique_consecutive', 'bincount', 'repeat_interleave'),
}


class _Methods(TorchFunctionMode):
    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, '__name__', '')
        if name in METHODS:
            self.found.append(name)
        return function(*args, **(kwargs or {}))


class _Operators(TorchDispatchMode):
    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        boolean_index = name in ('index', 'index_put_') and any(
            x is not None and x.dtype == torch.bool for x in args[1]
        )
        if name in OPERATORS or boolean_index:
            self.found.append(name)
        return function(*args, **(kwargs or {}))


@pytest.fixture
def reads():
    """Return a list of what was read since."""
    found = []
    with _Methods(found), _Operators(found):
        yield found


@pytest.mark.parametrize(
    'read',
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: bool((x > 0).any()),
        lambda x: float(x[0]),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.unique(),
        lambda x: x.numpy(),
    ],
)
def test_what_would_read_is_found(reads, read):
    read(torch.arange(3.0))
    assert reads


class _Recorder(Hook):
    """Records what each iteration reads, from its first hook to its last."""

    priority = 0

    def __init__(self):
        self.iterations = []

    def before_train_iter(self, runner, **kwargs):
        self.stack = ExitStack()
        self.iterations.append([])
        self.stack.enter_context(_Methods(self.iterations[-1]))
        self.stack.enter_context(_Operators(self.iterations[-1]))


class _LastHook(Hook):
    priority = 100

    def __init__(self, recorder):
        self.recorder = recorder

    def after_train_iter(self, runner, **kwargs):
        self.recorder.stack.close()


@pytest.mark.parametrize('backbone', [None, STGCN], ids=['BiGRU', 'STGCN'])
def test_iterations_read_nothing_of_their_own_until_they_log(
    make_runner, tiny_options, tmp_path, monkeypatch, backbone
):
    options = tiny_options | {
        'train_dataloader.batch_size': 2,
        'default_hooks.logger.interval': 3,
        'train_cfg.max_epochs': 1,
        'val_cfg': None,
        'val_dataloader': None,
        'val_evaluator': None,
        'default_hooks.checkpoint.save_best': None,
    }
    if backbone:
        options = {k: x for k, x in options.items() if not k.startswith('model.backbone')}
        options |= {'model.backbone': {'_delete_': True, **backbone}, 'model.neck.in_channels': 4}
    runner = make_runner(CMD_CONFIG, tmp_path, options)
    recorder = _Recorder()
    runner.register_hook(recorder)
    runner.register_hook(_LastHook(recorder))

    made, ages = {}, []
    initialise, read = HostCopy.__init__, HostCopy.read

    def note(copy, tensor):
        made[id(copy)] = runner.iter
        with torch._C.DisableTorchFunction():
            initialise(copy, tensor)

    def measure(copy):
        ages.append(runner.iter - made[id(copy)])
        with torch._C.DisableTorchFunction():
            return read(copy)

    monkeypatch.setattr(HostCopy, '__init__', note)
    monkeypatch.setattr(HostCopy, 'read', measure)
    runner.train()
    assert len(recorder.iterations) == 7
    logged = {2, 5, 6}  # every third, and the last
    for index, found in enumerate(recorder.iterations):
        if index not in logged:
            assert found == [], f'iteration {index}'
    assert set(ages) == {1}, 'copies are read an iteration after they were asked for'
