"""mmaction2's graph encoders can be used without changes, in pre-training and downstream."""

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.registry import DefaultScope

from mmcmd.models import GraphPooling
from mmcmd.registry import MODELS

GRAPH_ENCODERS = {
    'STGCN': {'layout': 'nturgb+d', 'mode': 'stgcn_spatial'},
    'AAGCN': {'layout': 'nturgb+d', 'mode': 'spatial'},
}


@pytest.fixture(params=GRAPH_ENCODERS)
def parts(request):
    return {
        'backbone': {
            'type': request.param,
            'graph_cfg': GRAPH_ENCODERS[request.param],
            'base_channels': 4,
            'num_stages': 2,
            'inflate_stages': [2],
            'down_stages': [2],
        },
        'pooling': {'type': 'GraphPooling'},
        'modalities': ('joint', 'bone'),
    }


def step(model, inputs, samples=None):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = model(inputs, samples, mode='loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    optimizer.step()
    assert all(torch.isfinite(value) for value in losses.values())
    return losses


def test_graph_encoder_pre_trains(tiny_cmd, parts):
    model = tiny_cmd(**parts)
    losses = step(model, torch.randn(2, 2, 2, 8, 25, 3))
    assert {'loss_joint', 'loss_bone', 'loss_cmd'} <= set(losses)
    assert model.extract_feat(torch.randn(3, 2, 8, 25, 3), 'bone').shape == (3, 8)


def test_graph_encoder_classifies(parts):
    head = {'type': 'LinearHead', 'in_channels': 8, 'num_classes': 5}
    model = MODELS.build(
        parts
        | {'type': 'SkeletonClassifier', 'head': head, 'frozen': False, 'pretrained': 'random'}
    )
    samples = [ActionDataSample().set_gt_labels(label) for label in (0, 4)]
    before = {name: p.clone() for name, p in model.encoders.named_parameters()}
    step(model, torch.randn(2, 1, 2, 8, 25, 3), samples)
    assert any(not torch.equal(before[n], p) for n, p in model.encoders.named_parameters())


def test_graph_encoder_is_initialised_as_its_author_says(tiny_cmd, parts):
    model = tiny_cmd(**parts)
    encoder = model.encoders['joint'].backbone
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder.init_cfg = {'type': 'Constant', 'layer': 'BatchNorm2d', 'val': 0.25}
    with DefaultScope.overwrite_default_scope('mmcmd'):
        model.init_weights()
    after = encoder.state_dict()
    assert any(not torch.equal(before[name], value) for name, value in after.items())
    keys = model.key_encoders['joint'].backbone.state_dict()
    assert all(torch.equal(keys[name], value) for name, value in after.items())


def test_pooling_is_the_mean_over_persons_time_and_joints():
    feature = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64)
    pooled = GraphPooling()(feature)
    for n in range(2):
        for d in range(4):
            total = sum(
                feature[n, m, d, t, v].item() for m in range(3) for t in range(5) for v in range(6)
            )
            assert pooled[n, d].item() == pytest.approx(total / 90)
