"""A whole run of SLiM from its config, on tiny data: teacher, resume and evaluations."""

import json
import math

import pytest
import torch

from mmcmd.apis import load_config
from mmcmd.registry import MODELS

CONFIG = 'slim/slim_rotary_ntu60_xsub.py'
TINY = {
    'model.backbone.embed_dims': 8,
    'model.backbone.depth': 4,
    'model.backbone.num_heads': 2,
    'model.backbone.patch_frames': 1,
    'model.neck.out_channels': 12,
    'model.neck.hidden_channels': 8,
    'model.neck.bottleneck_channels': 4,
    'model.momentum': 0.5,
    'train_cfg.epoch_steps': 3,
    # The warm-up of the release has more epochs than this run.
    'param_scheduler': [
        {
            'type': 'WarmupCosineLR',
            'warmup': 1,
            'inclusive': True,
            'held': 'prototypes',
            'hold': 1,
            'convert_to_iter_based': True,
        }
    ],
}


@pytest.fixture
def run(make_runner, tiny_options, tmp_path):
    """Return a function: name of the work dir, options -> a runner."""

    def run(name='run', **options):
        kept = {key: x for key, x in tiny_options.items() if not key.startswith('model.')}
        return make_runner(CONFIG, tmp_path / name, kept | TINY | options)

    return run


def test_training_moves_the_teacher_which_evaluations_take(run, tmp_path, root):
    runner = run()
    runner.train()
    results = json.loads((tmp_path / 'run/results.json').read_text())
    assert 0 <= results['knn/top1']['last'] <= 1
    (log,) = (tmp_path / 'run').glob('*/vis_data/scalars.json')
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    losses = [x['loss_joint'] for x in logged if 'loss_joint' in x]
    assert len(losses) == 6
    assert all(math.isfinite(x) for x in losses)
    model = runner.model
    pairs = zip(model.encoders.parameters(), model.students.parameters(), strict=True)
    assert any(not torch.equal(x, y) for x, y in pairs)
    file = str(tmp_path / 'run/epoch_2.pth')
    for protocol in ('linear_slim', 'semi_slim', 'linear'):
        cfg = load_config(root / f'configs/benchmarks/{protocol}.py', pretrained=file)
        evaluated = MODELS.build(cfg.model)
        evaluated.init_weights()
        teacher = model.encoders.state_dict()
        for name, x in evaluated.encoders.state_dict().items():
            assert torch.equal(teacher[name], x)


def test_run_goes_on_as_if_it_was_never_cut_off(run, tmp_path):
    run('whole').train()
    whole = torch.load(tmp_path / 'whole/epoch_2.pth', weights_only=True)
    first = str(tmp_path / 'whole/epoch_1.pth')
    run('resumed', load_from=first, resume=True).train()
    resumed = torch.load(tmp_path / 'resumed/epoch_2.pth', weights_only=True)
    torch.testing.assert_close(resumed['state_dict'], whole['state_dict'], rtol=0, atol=0)
    states = [x['optimizer']['state'] for x in (resumed, whole)]
    torch.testing.assert_close(*states, rtol=0, atol=0)
