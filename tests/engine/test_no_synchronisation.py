"""No training step reads a tensor of the step.

On a GPU, such a read makes host and device wait for each other. The tests also work on a CPU,
because they record every operator and every method that would read. Losses also run on the device
``meta``, which has no values to read and which shows tensors that were made on the CPU.
"""

from contextlib import ExitStack
from functools import partial

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.hooks import Hook
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmcmd.engine.host_copy import HostCopy
from mmcmd.registry import MODELS

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
LINEAR_CONFIG = 'benchmarks/linear.py'
# These give the host a value, or a shape that depends on values.
METHODS = {
    *('item', 'tolist', 'numpy', '__array__', 'cpu'),
    *('__bool__', '__int__', '__float__', '__index__'),
}
OPERATORS = {
    *('_local_scalar_dense', 'is_nonzero', 'nonzero', 'masked_select', 'equal'),
    *('_unique2', 'unique_dim', 'unique_consecutive', 'bincount', 'repeat_interleave'),
}
# These do so if the index is a boolean mask.
INDEXING = {'index', 'index_put', 'index_put_', '_index_put_impl_', '_unsafe_index'}


def _waits(name, args, kwargs):
    """Return whether a call may copy between devices without ``non_blocking``."""
    given = args[1:]
    if name == 'to':  # `to` may also change only the type
        devices = any(isinstance(x, str | torch.device | Tensor) for x in given)
        if not (devices or {'device', 'other'} & kwargs.keys()):
            return False
    elif name != 'copy_':
        return False
    return not kwargs.get('non_blocking', any(x is True for x in given))


class _Methods(TorchFunctionMode):
    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, '__name__', '')
        kwargs = kwargs or {}
        if name in METHODS or _waits(name, args, kwargs):
            self.found.append(name)
        return function(*args, **kwargs)


class _Operators(TorchDispatchMode):
    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        boolean_index = name in INDEXING and any(
            x is not None and x.dtype in (torch.bool, torch.uint8) for x in args[1]
        )
        if name in OPERATORS or boolean_index:
            self.found.append(name)
        return function(*args, **(kwargs or {}))


@pytest.fixture
def reads():
    """Return a list that collects all reads from now on."""
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
        lambda x: np.asarray(x),
        lambda x: x.cpu(),
        lambda x: x.to('cpu'),
        lambda x: x.to(device='cpu'),
        lambda x: x.to(torch.device('cpu'), torch.float64),
        lambda x: x.to(torch.zeros(1)),
        lambda x: torch.zeros(3).copy_(x),
        lambda x: x.__setitem__(x > 0, torch.ones(2)),
        lambda x: x.index_put((x > 0,), torch.ones(2)),
        lambda x: torch.ops.aten._index_put_impl_(x, [x > 0], torch.ones(2)),
    ],
)
def test_what_would_read_is_found(reads, read):
    read(torch.arange(3.0))
    assert reads


@pytest.mark.parametrize(
    'other',
    [
        lambda x: x.to(torch.float64),
        lambda x: x.to('cpu', non_blocking=True),
        lambda x: x.to('cpu', torch.float64, True),
        lambda x: torch.zeros(3).copy_(x, non_blocking=True),
        lambda x: x[torch.tensor([0, 2])],
    ],
)
def test_what_would_not_is_not(reads, other):
    other(torch.arange(3.0))
    assert not reads


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


@pytest.fixture
def build(make_runner, tmp_path, request):
    """Return a function: case and other options -> runner of 7 iterations; every third logs."""
    return partial(_build, make_runner, tmp_path, request)


def _build(make_runner, tmp_path, request, case, **others):
    fixtures = {'STGCN': 'tiny_stgcn_options', 'linear evaluation': 'tiny_linear_options'}
    options = request.getfixturevalue(fixtures.get(case, 'tiny_options')) | {
        'train_dataloader.batch_size': 2,
        'default_hooks.logger.interval': 3,
        'train_cfg.max_epochs': 1,
        'val_cfg': None,
        'val_dataloader': None,
        'val_evaluator': None,
        'default_hooks.checkpoint.save_best': None,
        **others,
    }
    if case == 'bfloat16':
        options['optim_wrapper.type'] = 'Bfloat16OptimWrapper'
    if case == 'linear evaluation':
        options['model.pretrained'] = 'random'
    config = LINEAR_CONFIG if case == 'linear evaluation' else CMD_CONFIG
    return make_runner(config, tmp_path, options)


@pytest.mark.parametrize(
    'case', ['BiGRU', 'BiGRU as on a GPU', 'STGCN', 'bfloat16', 'linear evaluation']
)
def test_iterations_read_nothing_of_their_own_until_they_log(build, monkeypatch, case):
    if case == 'BiGRU as on a GPU':
        monkeypatch.setattr('mmcmd.models.backbones.kernels.is_special', lambda: True)
    runner = build(case)
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
    last = len(runner.train_dataloader) - 1
    assert len(recorder.iterations) == last + 1 >= 7
    for index, found in enumerate(recorder.iterations):
        if index % 3 != 2 and index != last:  # the other iterations log
            assert found == [], f'iteration {index}'
    assert set(ages) == {1}, 'copies are read an iteration after they were asked for'


class _Refusal(Hook):
    """Makes torch refuse all operations that wait, in each iteration that does not log."""

    priority = 0

    def before_train_iter(self, runner, **kwargs):
        logs = runner.iter % 3 == 2 or runner.iter == len(runner.train_dataloader) - 1
        if runner.iter and not logs:  # the first iteration starts cuDNN
            torch.cuda.set_sync_debug_mode('error')
            self.checked.append(runner.iter)


class _Permission(Hook):
    priority = 100

    def after_train_iter(self, runner, **kwargs):
        torch.cuda.set_sync_debug_mode('default')


@pytest.mark.gpu
@pytest.mark.parametrize('case', ['BiGRU', 'STGCN', 'bfloat16', 'linear evaluation'])
def test_iterations_on_a_gpu_wait_for_nothing_until_they_log(build, case):
    runner = build(case, **{'train_dataloader.pin_memory': True})
    refusal = _Refusal()
    refusal.checked = []
    runner.register_hook(refusal)
    runner.register_hook(_Permission())
    try:
        runner.train()
    finally:
        torch.cuda.set_sync_debug_mode('default')
    last = len(runner.train_dataloader) - 1
    assert refusal.checked == [i for i in range(1, last) if i % 3 != 2]
    assert last >= 6


class _Devices(TorchDispatchMode):
    """Refuses tensors that are not on ``meta``. The device itself accepts scalars of the CPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for x in tree_leaves((args, kwargs, result)):
            assert not isinstance(x, Tensor) or x.is_meta, f'{function} on {x.device}'
        return result


@pytest.mark.parametrize(
    'wrong',
    [
        lambda x: torch.zeros(3),
        lambda x: x + torch.tensor(2.0),
        lambda x: x[torch.arange(2)],
        lambda x: x.cpu(),
        lambda x: x.to(device='cpu'),
        lambda x: torch.zeros(3).copy_(x),
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.unique(),
    ],
)
def test_what_is_made_or_read_on_the_host_is_found_on_meta(wrong):
    x = torch.empty(3, device='meta')
    with pytest.raises((AssertionError, RuntimeError)), _Devices():
        wrong(x)


def loss_on_meta(model, *args):
    """Run forward and backward on the device ``meta``, where no values exist."""
    model.to('meta')
    with _Devices():
        losses = model(*args, mode='loss')
        sum(x for name, x in losses.items() if name.startswith('loss')).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


@pytest.fixture
def backbone(request, tiny_stgcn):
    """Return the config of a tiny encoder by its name."""
    recurrent = {'type': request.param, 'hidden_size': 4, 'num_layers': 2}
    return tiny_stgcn if request.param == 'STGCN' else recurrent


ENCODERS = pytest.mark.parametrize('backbone', ['BiGRU', 'LSTM', 'STGCN'], indirect=True)


@ENCODERS
def test_everything_of_a_step_is_made_on_the_inputs_device(tiny_cmd, backbone):
    model = tiny_cmd(backbone=backbone, neck={'type': 'ProjectionNeck', 'out_channels': 6})
    loss_on_meta(model, torch.empty(4, 2, 2, 6, 25, 3, device='meta'))


@ENCODERS
@pytest.mark.parametrize('frozen', [True, False])
def test_everything_of_a_classifier_is_made_on_the_inputs_device(backbone, frozen):
    config = {
        'type': 'SkeletonClassifier',
        'backbone': backbone,
        'head': {'type': 'LinearHead', 'num_classes': 4},
        'pretrained': 'random',
        'frozen': frozen,
    }
    label = torch.zeros(1, dtype=torch.long, device='meta')
    samples = [ActionDataSample().set_gt_labels(label) for _ in range(3)]
    inputs = torch.empty(3, 2, 2, 6, 25, 3, device='meta')
    loss_on_meta(MODELS.build(config), inputs, samples)
