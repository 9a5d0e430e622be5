"""Gradients of groups of parameters are clipped separately, with every optimiser wrapper."""

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import nn

from mmcmd.engine import GroupClipConstructor
from mmcmd.errors import InputError


def make_model():
    """Return two parts of two streams, with a gradient of ones times 1, 2, 3, 4."""
    model = nn.ModuleDict(
        {
            part: nn.ModuleDict({stream: nn.Linear(2, 2, bias=False) for stream in ('a', 'b')})
            for part in ('encoders', 'decoders')
        }
    )
    for number, parameter in enumerate(model.parameters(), 1):
        parameter.grad = torch.full_like(parameter, number)
    return model


def build(model, clip_by, **options):
    init_default_scope('mmcmd')  # as a runner does
    config = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 1.0}, **options}
    return GroupClipConstructor(config, {'clip_by': clip_by})(model)


@pytest.mark.parametrize(
    ('clip_by', 'groups'), [('part', [[0], [1], [2], [3]]), ('stream', [[0, 2], [1, 3]])]
)
@pytest.mark.parametrize('wrapper', ['OptimWrapper', 'Bfloat16OptimWrapper'])
def test_norm_of_each_group_is_clipped_alone(clip_by, groups, wrapper):
    model = make_model()
    start = [x.detach().clone() for x in model.parameters()]
    build(model, clip_by, type=wrapper, clip_grad={'max_norm': 5.0}).step()
    moved = [a - b for a, b in zip(start, model.parameters(), strict=True)]
    for group in groups:
        # A weight of 2 x 2 with gradient g has norm 2 g.
        norm = sum((2 * (number + 1)) ** 2 for number in group) ** 0.5
        for number in group:
            expected = (number + 1) * min(1.0, 5.0 / norm)
            torch.testing.assert_close(moved[number], torch.full((2, 2), expected))


def test_parts_without_gradient_are_left_out():
    model = make_model()
    for parameter in model['decoders'].parameters():
        parameter.grad = None
    start = [x.detach().clone() for x in model['encoders'].parameters()]
    build(model, 'part', clip_grad={'max_norm': 1.0}).step()
    moved = [
        (a - b).norm().item() for a, b in zip(start, model['encoders'].parameters(), strict=True)
    ]
    assert moved == pytest.approx([1.0, 1.0], rel=1e-4)


@pytest.mark.parametrize(
    ('clip_by', 'clip_grad'), [('layer', {'max_norm': 1}), ('part', {'type': 'value'})]
)
def test_option_that_cannot_be_is_told(clip_by, clip_grad):
    with pytest.raises(InputError, match='clips norms by part or module or stream'):
        build(make_model(), clip_by, clip_grad=clip_grad)
