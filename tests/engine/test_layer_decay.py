"""Learning rates that differ from layer to layer, and the schedule with a warm-up."""

from math import cos, pi

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmcmd.engine import LayerDecayConstructor, WarmupCosineLR
from mmcmd.errors import InputError
from mmcmd.registry import MODELS, PARAM_SCHEDULERS

BACKBONE = {'type': 'SkeletonTransformer', 'clip_len': 8, 'embed_dims': 8, 'num_heads': 2}
ADAMW = {'type': 'AdamW', 'lr': 0.1, 'weight_decay': 0.5}


@pytest.fixture
def model():
    """Return a classifier of two blocks on 25 joints."""
    head = {'type': 'LinearHead', 'num_classes': 3}
    backbone = BACKBONE | {'depth': 2}
    return MODELS.build(
        {
            'type': 'SkeletonClassifier',
            'modalities': ['joint'],
            'backbone': backbone,
            'head': head,
            'frozen': False,
        }
    )


def groups_of(model, optimizer=ADAMW, **paramwise):
    config = {'type': 'OptimWrapper', 'optimizer': optimizer}
    wrapper = LayerDecayConstructor(config, paramwise)(model)
    return {group['param_name']: group for group in wrapper.optimizer.param_groups}


def test_lower_layers_learn_more_slowly(model):
    groups = groups_of(model, layer_decay=0.5)
    start = 'encoders.joint.backbone'
    rates = {
        'heads.joint.fc.weight': 0.1,
        f'{start}.norm.weight': 0.1,
        f'{start}.blocks.1.mlp.0.weight': 0.05,
        f'{start}.blocks.0.norm1.bias': 0.025,
        f'{start}.positions.steps': 0.0125,
        f'{start}.patch_embed.weight': 0.0125,
    }
    assert {name: groups[name]['lr'] for name in rates} == pytest.approx(rates)
    assert set(groups) == {name for name, _ in model.named_parameters()}


def test_parameters_of_one_dimension_may_be_free_of_weight_decay(model):
    groups = groups_of(model, flat_decay_mult=0)
    for name, parameter in model.named_parameters():
        assert groups[name]['weight_decay'] == (0 if parameter.ndim == 1 else 0.5), name


def test_only_the_upper_share_of_the_blocks_is_trained(model):
    names = set(groups_of(model, trained_share=0.5))
    assert {x.split('.')[3] for x in names if x.startswith('encoders')} == {'blocks', 'norm'}
    assert {x.split('.')[4] for x in names if '.blocks.' in x} == {'1'}
    assert set(groups_of(model, trained_share=0)) == {
        'heads.joint.fc.weight',
        'heads.joint.fc.bias',
    }


def test_each_tensor_is_clipped_alone(model):
    config = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 1.0}}
    paramwise = {'trained_share': 0, 'clip_by': 'tensor'}
    wrapper = LayerDecayConstructor({**config, 'clip_grad': {'max_norm': 3}}, paramwise)(model)
    fc = model.heads['joint'].fc
    before = fc.weight.detach().clone(), fc.bias.detach().clone()
    fc.weight.grad, fc.bias.grad = torch.full_like(fc.weight, 10.0), torch.full_like(fc.bias, 0.1)
    wrapper.step()
    assert (before[0] - fc.weight).norm().item() == pytest.approx(3, rel=1e-4)
    assert torch.allclose(before[1] - fc.bias, torch.full_like(fc.bias, 0.1))


def test_backbone_without_layers_is_refused_if_rates_shall_differ(tiny_cmd):
    model = tiny_cmd()
    groups_of(model)  # one rate for all
    with pytest.raises(InputError, match=r'BiGRU does not say its layers, .*layer_decay to 1'):
        groups_of(model, layer_decay=0.5)


def test_unknown_option_is_refused(model):
    with pytest.raises(InputError, match='but got norm_decay_mult; correct'):
        groups_of(model, norm_decay_mult=0)


def test_schedule_warms_up_from_zero_and_falls_by_a_cosine():
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD(
        [{'params': [x], 'lr': lr} for x, lr in zip(weights, (1, 2), strict=True)]
    )
    wrapper = OptimWrapper(optimizer)
    schedule = PARAM_SCHEDULERS.build(
        {
            'type': 'WarmupCosineLR',
            'optimizer': wrapper,
            'warmup': 2,
            'min_ratio': 0.5,
            'end': 5,
            'epoch_length': 2,
            'convert_to_iter_based': True,
        }
    )
    assert isinstance(schedule, WarmupCosineLR)
    found = []
    for _ in range(10):
        found.append([group['lr'] for group in optimizer.param_groups])
        wrapper.step()
        schedule.step()
    factors = [k / 4 if k < 4 else 0.5 + 0.25 * (1 + cos(pi * (k - 4) / 6)) for k in range(10)]
    assert found == [pytest.approx([x, 2 * x]) for x in factors]


def test_warm_up_as_long_as_the_training_is_refused():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(InputError, match='a warm-up of 5 in a training of 5; set warmup'):
        WarmupCosineLR(optimizer, warmup=5, end=5, by_epoch=False)
