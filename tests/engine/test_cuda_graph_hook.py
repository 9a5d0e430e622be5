"""Everything but the graph itself is tested on the CPU, where a recording runs the plain step."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from benchmarks.graphed import graphed_step
from mmcmd.engine import CudaGraphHook
from mmcmd.engine.graphed_step import GraphedStep
from mmcmd.engine.hooks.cuda_graph_hook import find_obstacle
from mmcmd.errors import InputError

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
RATES = [2.0**-3] * 5 + [2.0**-5] * 3  # exact in float32, which a graph uses for learning rates


class OnCPU(GraphedStep):
    recorded = 0

    @staticmethod
    def aside(step):
        return step()

    @classmethod
    def record(cls, step):
        cls.recorded += 1
        return step

    def step(self):
        """Take a step that finds no number for the learning rate, which a graph would keep."""
        numbers = [group['lr'] for group in self.groups]
        for group in self.groups:
            group['lr'] = float('nan')
        losses = super().step()
        for number, group in zip(numbers, self.groups, strict=True):
            group['lr'] = number
        return losses


@pytest.fixture
def batches():
    return torch.randn(8, 4, 2, 2, 6, 25, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def train(tiny_cmd, batches):
    """Return a function: kind of step -> losses of each step, and the state at the end."""

    def train(graphed, optimizer):
        model = tiny_cmd().train()
        trained = [x for x in model.parameters() if x.requires_grad]
        wrapper = OptimWrapper(optimizer(trained, lr=1.0, fused=True))
        step = graphed(model, wrapper) if graphed else model.train_step
        found = []
        for rate, inputs in zip(RATES, batches, strict=True):
            wrapper.optimizer.param_groups[0]['lr'] = rate
            found.append(step({'inputs': inputs, 'data_samples': None}, optim_wrapper=wrapper))
            assert wrapper.optimizer.param_groups[0]['lr'] is rate, 'a number for hooks'
        return [dict(x) for x in found], model.state_dict()

    return train


@pytest.mark.parametrize('optimizer', [torch.optim.SGD, torch.optim.Adam])
def test_recorded_steps_are_the_steps_with_each_batch_and_learning_rate(
    train, monkeypatch, optimizer
):
    monkeypatch.setattr(OnCPU, 'recorded', 0)
    losses, state = train(OnCPU, optimizer)
    expected, wanted = train(None, optimizer)
    assert OnCPU.recorded == 1
    for found, loss in zip(losses, expected, strict=True):
        assert {name: x.item() for name, x in found.items()} == {
            name: x.item() for name, x in loss.items()
        }
    assert all(torch.equal(x, wanted[name]) for name, x in state.items())


def test_losses_of_a_step_stay_when_the_next_one_overwrites_them(tiny_cmd):
    class SameTensors(OnCPU):
        @staticmethod
        def aside(step):
            return {'loss': value.add_(1)}

    value = torch.zeros(())
    model = tiny_cmd()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1.0, fused=True))
    step = SameTensors(model, wrapper)
    data = {'inputs': torch.zeros(1, 2, 2, 6, 25, 3)}
    assert [step(data, wrapper)['loss'] for _ in range(2)] == [1, 2]


def test_batch_of_another_size_is_refused(tiny_cmd, batches):
    model = tiny_cmd()
    wrapper = OptimWrapper(torch.optim.SGD(model.encoders.parameters(), lr=1.0, fused=True))
    step = OnCPU(model, wrapper)
    step({'inputs': batches[0]}, wrapper)
    with pytest.raises(InputError, match=r'shape \(4, 2, .*but a batch has \(3, 2, '):
        step({'inputs': batches[0, :3]}, wrapper)


@pytest.mark.parametrize('bfloat16', [False, True])
def test_step_that_is_timed_is_recorded_before(tiny_cmd, batches, monkeypatch, bfloat16):
    monkeypatch.setattr(OnCPU, 'recorded', 0)
    model = tiny_cmd()
    types = set()
    for neck in model.necks.values():
        neck.hidden.register_forward_hook(lambda module, inputs, y: types.add(y.dtype))
    step = graphed_step(model, batches[0].transpose(0, 1), bfloat16, OnCPU)
    assert OnCPU.recorded == 1
    assert step().isfinite()
    assert OnCPU.recorded == 1
    assert types == {torch.bfloat16 if bfloat16 else torch.float32}


@pytest.fixture
def built(make_runner, tiny_options, tmp_path):
    """Return a function: options -> runner whose training has begun."""

    def build(**options):
        runner = make_runner(
            CMD_CONFIG,
            tmp_path,
            tiny_options
            | {'optim_wrapper.optimizer.fused': True}
            | {name.replace('__', '.'): x for name, x in options.items()},
        )
        runner._train_loop = runner.build_train_loop(runner._train_loop)
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
        return runner

    return build


def test_cmd_as_configured_can_be_recorded(built):
    assert find_obstacle(built()) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_the_hook_says_so(built):
    with pytest.raises(InputError, match='needs a CUDA GPU'):
        CudaGraphHook().before_train(built())


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'optim_wrapper__optimizer__fused': False}, 'optimizer.fused=True '),
        (
            {'optim_wrapper__optimizer': dict(_delete_=True, type='Adam', lr=0.1, fused=True)},
            'fused=True and capturable=True',
        ),
        ({'optim_wrapper__clip_grad': dict(max_norm=1)}, 'nor clip'),
        ({'optim_wrapper__accumulative_counts': 2}, 'neither accumulate'),
        ({'train_dataloader__drop_last': False}, 'drop_last=True'),
        (
            {'param_scheduler': [dict(type='ConstantMomentum', factor=0.5)]},
            'changes of momentum',
        ),
    ],
    ids=lambda x: x if isinstance(x, str) else '',
)
def test_what_cannot_be_recorded_is_told(built, options, said):
    assert said in find_obstacle(built(**options))


def test_subclass_must_say_itself_that_its_loss_can_be_recorded(built):
    runner = built()
    runner.model.__class__ = type('Own', (type(runner.model),), {})
    assert 'the loss of Own is not known' in find_obstacle(runner)


@pytest.mark.gpu
@pytest.mark.parametrize('kernel', ['auto', 'batched', 'triton'])
def test_training_on_a_gpu_is_that_without_a_graph(make_runner, tiny_options, tmp_path, kernel):
    options = tiny_options | {
        'optim_wrapper.optimizer.fused': True,
        'train_dataloader.batch_size': 2,
        'model.backbone.kernel': kernel,
        'val_cfg': None,
        'val_dataloader': None,
        'val_evaluator': None,
        'default_hooks.checkpoint.save_best': None,
    }
    states = [
        make_runner(CMD_CONFIG, tmp_path / str(i), options | more).train().state_dict()
        for i, more in enumerate([{}, {'default_hooks.graph.type': 'CudaGraphHook'}])
    ]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-4, msg=name)
