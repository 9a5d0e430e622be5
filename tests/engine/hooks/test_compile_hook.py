from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from torch._dynamo.utils import counters

from mmcmd.cli import parse_options
from mmcmd.engine import CompileHook
from mmcmd.errors import InputError

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
COMPILE = 'default_hooks.compile'


@pytest.fixture(autouse=True)
def nothing_compiled_before():
    """Reset the compiled code and the counters of torch for the whole process."""
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


class ThreeIterations(Hook):
    def after_train_iter(self, runner, **kwargs):
        if runner.iter == 2:
            raise StopIteration


@pytest.fixture
def train(make_runner, tmp_path):
    """Return a function: options, as dict and as on a command line -> model after 3 iterations."""

    def train(options, *texts):
        changes = {
            'train_dataloader.batch_size': 4,
            'val_cfg': None,
            'val_dataloader': None,
            'val_evaluator': None,
            'default_hooks.checkpoint.save_best': None,
        }
        runner = make_runner(CMD_CONFIG, tmp_path, options | changes | parse_options(texts))
        runner.register_hook(ThreeIterations())
        with pytest.raises(StopIteration):
            runner.train()
        return runner.model

    return train


def compiled_modules(model):
    return {name for name, x in model.named_modules() if x._compiled_call_impl is not None}


HEADS = {'head', 'distill_head'}


@pytest.mark.parametrize(
    ('encoder', 'choice', 'backend', 'expected'),
    [
        ('BiGRU', [], 'aot_eager', HEADS),
        ('BiGRU', [f'{COMPILE}.modules=[distill_head]'], 'inductor', {'distill_head'}),
        (
            'STGCN',
            ['model.modalities=[joint]', f'{COMPILE}.modules=[*encoders.*.backbone]'],
            'aot_eager',
            {'encoders.joint.backbone', 'key_encoders.joint.backbone'},
        ),
    ],
    ids=['all heads', 'distillation head', 'graph encoders'],
)
def test_compiled_parts_train_to_the_same_weights(
    train, tiny_options, tiny_stgcn_options, encoder, choice, backend, expected
):
    options = tiny_stgcn_options if encoder == 'STGCN' else tiny_options
    hook = f'{COMPILE}.type=CompileHook', f'{COMPILE}.backend={backend}'
    model = train(options, *hook, *choice)
    assert compiled_modules(model) == expected
    assert counters['stats']['unique_graphs'] >= len({x.split('.')[0] for x in expected})
    counters.clear()
    plain = train(options, *choice[:-1])
    assert not counters['stats'], 'nothing is compiled without the hook'
    found = model.state_dict()
    assert found.keys() == plain.state_dict().keys()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5, msg=name)


def mark(model, *args):
    logger = MMLogger.get_instance('compile')
    CompileHook(*args).before_train(SimpleNamespace(model=model, logger=logger))
    return compiled_modules(model)


def test_method_that_does_not_distil_has_its_other_heads_compiled(tiny_cmd):
    assert mark(tiny_cmd(modalities=['joint'])) == {'head'}


@pytest.mark.parametrize(
    ('patterns', 'said'),
    [
        (['head', 'heads.*'], r"is called 'heads\.\*'; it has .*head"),
        (['head', 'distill_head'], "is called 'distill_head'; it has"),
        (['neck', 'heads'], "is called 'neck' or 'heads'; it has"),
    ],
)
def test_given_name_that_fits_nothing_is_said_and_nothing_compiled(tiny_cmd, patterns, said):
    model = tiny_cmd(modalities=['joint'])
    with pytest.raises(InputError, match=f'no module of CMD {said}'):
        mark(model, patterns)
    assert not compiled_modules(model)


def test_model_without_heads_is_said():
    with pytest.raises(
        InputError, match=r"Linear is called 'head' or 'heads\.\*' or 'distill_head'"
    ):
        mark(torch.nn.Linear(2, 2))
