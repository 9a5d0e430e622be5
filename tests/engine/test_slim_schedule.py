"""Schedules of SLiM per iteration, and its groups of parameters, as its config sets them."""

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmcmd.apis import load_config
from mmcmd.engine import LayerDecayConstructor, WarmupCosineLR
from mmcmd.engine.hooks import ProgressHook
from mmcmd.registry import MODELS, PARAM_SCHEDULERS


@pytest.fixture(scope='module')
def cfg():
    cfg = load_config('configs/slim/slim.py', data='ntu60_xsub')
    cfg.model.neck.update(out_channels=4, hidden_channels=4, bottleneck_channels=2)
    cfg.model.backbone.update(embed_dims=16, depth=2)
    return cfg


@pytest.fixture
def wrapper(cfg):
    options = {'type': 'OptimWrapper', **cfg.optim_wrapper}
    options.pop('constructor')
    paramwise = options.pop('paramwise_cfg')
    model = MODELS.build(cfg.model)
    return LayerDecayConstructor(options, paramwise)(model)


def cosine(start, end, steps):
    return end + (start - end) * (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2


def test_schedules_are_those_of_the_release(cfg, wrapper):
    length = 3  # iterations of an epoch
    schedulers = []
    for config in cfg.param_scheduler:
        options = dict(config)
        options.pop('convert_to_iter_based')
        kind = PARAM_SCHEDULERS.get(options.pop('type'))
        options.setdefault('end', 150)
        schedulers.append(kind.build_iter_from_epoch(wrapper, epoch_length=length, **options))
    base = 2e-4 * (768 / 1024) ** 0.5
    rates = np.concatenate([np.linspace(0, base, 60), cosine(base, 1e-6, 390)])
    decays = cosine(0.04, 0.2, 450)
    groups = {group['param_name']: group for group in wrapper.optimizer.param_groups}
    block = 'students.joint.backbone.blocks.1.'
    for step in range(450):
        found = groups[f'{block}mlp.inner.weight']
        assert found['lr'] == pytest.approx(rates[step], rel=1e-9, abs=1e-15)
        assert found['weight_decay'] == pytest.approx(decays[step], rel=1e-9)
        assert groups[f'{block}norm1.weight']['weight_decay'] == 0
        embed = groups['students.joint.backbone.patch_embed.weight']
        assert embed['lr'] == pytest.approx(0.2 * rates[step], rel=1e-9, abs=1e-15)
        held = groups['student_necks.joint.patch.prototypes.direction']['lr']
        assert held == pytest.approx(0 if step < length else rates[step], rel=1e-9)
        wrapper.step()
        for scheduler in schedulers:
            scheduler.step()


def test_weight_decay_leaves_out_biases_and_norms_alone(wrapper):
    plain = {
        group['param_name'] for group in wrapper.optimizer.param_groups if not group['weight_decay']
    }
    names = {group['param_name'] for group in wrapper.optimizer.param_groups}
    assert plain == {x for x in names if x.endswith('.bias') or 'norm' in x}
    assert not any(name.startswith(('encoders', 'necks')) for name in plain)


def test_student_and_each_head_are_clipped_alone(cfg, wrapper):
    tensors = [x for group in wrapper.optimizer.param_groups for x in group['params']]
    names = [group['param_name'] for group in wrapper.optimizer.param_groups]
    for name, x in zip(names, tensors, strict=True):
        x.grad = torch.full_like(x, 1000.0 if 'patch.' in name else 1.0)
    wrapper.clip_func(tensors, max_norm=3)
    norms = {}
    for name, x in zip(names, tensors, strict=True):
        norms.setdefault('.'.join(name.split('.')[:3]), []).append(x.grad.flatten())
    assert set(norms) == {
        'students.joint.backbone',
        'student_necks.joint.class',
        'student_necks.joint.patch',
    }
    for part in norms.values():
        assert torch.cat(part).norm().item() == pytest.approx(3, rel=1e-4)


def test_held_parameters_need_not_exist():
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    schedule = WarmupCosineLR(optimizer, warmup=2, end=6, held='prototypes', hold=3)
    assert schedule.get_last_value() == [0.0]


@pytest.mark.parametrize(('accumulate', 'moves'), [(1, [1, 2, 3, 4]), (2, [0, 1, 1, 2])])
def test_teacher_moves_after_each_step_of_the_optimiser(accumulate, moves):
    class Runner:
        pass

    pretrainer = MODELS.build(
        {
            'type': 'USDRL',
            'modalities': ['joint'],
            'backbone': {'type': 'GRU', 'hidden_size': 2, 'num_layers': 1},
        }
    )
    calls, runner, hook = [], Runner(), ProgressHook()
    pretrainer.after_step = lambda: calls.append(1)
    runner.model = pretrainer
    optimizer = torch.optim.SGD(pretrainer.parameters(), lr=0.1)
    runner.optim_wrapper = OptimWrapper(optimizer, accumulative_counts=accumulate)
    runner.optim_wrapper.initialize_count_status(pretrainer, 0, 4)
    for number in moves:
        loss = sum(x.square().sum() for x in pretrainer.parameters())
        runner.optim_wrapper.update_params(loss)
        hook.after_train_iter(runner, 0)
        assert len(calls) == number
