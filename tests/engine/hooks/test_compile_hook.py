import pytest
import torch
from mmengine.hooks import Hook

from mmcmd.errors import InputError

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
STGCN = {
    'model.backbone': {
        '_delete_': True,
        'type': 'STGCN',
        'base_channels': 4,
        'num_stages': 2,
        'down_stages': [],
        'inflate_stages': [],
        'graph_cfg': {'mode': 'stgcn_spatial'},
    },
    'model.neck.in_channels': 4,
    'model.modalities': ['joint'],
}


class ThreeIterations(Hook):
    def after_train_iter(self, runner, **kwargs):
        if runner.iter == 2:
            raise StopIteration


@pytest.fixture
def train(make_runner, tiny_options, tmp_path):
    """Return a function: options, compile hooks -> state after three iterations."""

    def train(options, *hooks):
        changes = {
            'train_dataloader.batch_size': 4,
            'val_cfg': None,
            'val_dataloader': None,
            'val_evaluator': None,
            'default_hooks.checkpoint.save_best': None,
            'custom_hooks': list(hooks),
        }
        kept = {
            name: x
            for name, x in tiny_options.items()
            if not (options and name.startswith('model.backbone'))
        }
        runner = make_runner(CMD_CONFIG, tmp_path, kept | options | changes)
        runner.register_hook(ThreeIterations())
        with pytest.raises(StopIteration):
            runner.train()
        return runner.model.state_dict()

    return train


@pytest.mark.parametrize(
    ('options', 'modules', 'backend'),
    [
        ({}, ['distill_head'], 'inductor'),
        ({}, ['heads.*'], 'aot_eager'),
        (STGCN, ['*_encoders.*.backbone'], 'aot_eager'),
    ],
    ids=['distillation head', 'queue heads', 'graph encoders'],
)
def test_compiled_parts_train_to_the_same_weights(train, options, modules, backend):
    compiled = train(options, dict(type='CompileHook', modules=modules, backend=backend))
    assert torch._dynamo.utils.counters['stats']['unique_graphs'] > 0, 'nothing was compiled'
    plain = train(options)
    assert compiled.keys() == plain.keys()
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_name_that_fits_nothing_is_said(train):
    with pytest.raises(InputError, match=r"no module of CMD is called 'head'; it has .*heads"):
        train({}, dict(type='CompileHook', modules=['head']))
