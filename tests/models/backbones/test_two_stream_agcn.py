"""2s-AGCN equals its equations in plain code, with the graph of the data's layout."""

import numpy as np
import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models import SkeletonEncoder
from mmcmd.registry import MODELS
from mmcmd.skeletons import LAYOUTS, NTU


def make(layout='ntu', **options):
    torch.manual_seed(0)
    return SkeletonEncoder({'type': 'AGCN', **options}, layout=layout)


def test_default_sizes_are_the_released_ones():
    encoder = make()
    blocks = encoder.backbone.gcn
    assert [block.tcn.conv.out_channels for block in blocks] == [64] * 4 + [128] * 3 + [256] * 3
    assert [block.tcn.stride for block in blocks] == [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert encoder.feature_size() == 256
    assert encoder.backbone.data_bn.num_features == 150, 'each person has channels of its own'


def test_adjacency_is_self_inward_and_outward_and_is_not_saved():
    backbone = make(base_channels=4).backbone
    expected = np.zeros((3, 25, 25))
    expected[0] = np.eye(25)
    for joint, parent in enumerate(NTU.parents):
        if joint != parent:
            expected[1, parent, joint] = expected[2, joint, parent] = 1
    expected /= np.maximum(expected.sum(axis=1, keepdims=True), 1)
    for block in backbone.gcn:
        np.testing.assert_allclose(block.gcn.A, expected)
    assert not [name for name in backbone.state_dict() if name.split('.')[-1] in ('A', 'alpha')]


def test_block_is_the_equation_written_joint_by_joint():
    unit = make(base_channels=4).backbone.gcn[4].gcn.double().eval()
    torch.nn.init.normal_(unit.PA)
    x = torch.randn(2, 4, 5, 25, dtype=torch.float64)
    y = torch.zeros(2, 8, 5, 25, dtype=torch.float64)
    for i in range(3):
        a, b = unit.conv_a[i](x), unit.conv_b[i](x)  # (N, r, T, V), r = 8 // 4
        mixed = torch.zeros_like(x)
        for n in range(2):
            for w in range(25):
                products = [(a[n, :, :, v] * b[n, :, :, w]).sum() / (2 * 5) for v in range(25)]
                weights = torch.stack(products).softmax(dim=0)
                weights = weights + unit.A[i, :, w] + unit.PA[i, :, w]
                mixed[n, :, :, w] = sum(weights[v] * x[n, :, :, v] for v in range(25))
        y += unit.conv_d[i](mixed)
    expected = (unit.bn(y) + unit.down(x)).relu()
    torch.testing.assert_close(unit(x), expected)


def test_weights_start_as_in_the_released_code(mmcmd_scope):
    encoder = make(base_channels=16)
    encoder.init_weights()
    for block in encoder.backbone.gcn:
        unit = block.gcn
        torch.testing.assert_close(unit.PA.detach(), torch.full_like(unit.A, 1e-6))
        assert (unit.bn.weight == 1e-6).all(), 'a block starts as its shortcut'
        out, channels = unit.conv_d[0].weight.shape[:2]
        deviation = torch.cat([conv.weight.flatten() for conv in unit.conv_d]).std().item()
        assert deviation == pytest.approx((2 / (3 * out * channels)) ** 0.5, rel=0.2)
        assert not any(conv.bias.any() for conv in (*unit.conv_a, *unit.conv_d, block.tcn.conv))


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_any_layout_is_encoded_and_every_parameter_learns(layout):
    joints, channels = LAYOUTS[layout].num_joints, 2 if layout == 'coco' else 3
    encoder = make(layout, base_channels=4, in_channels=channels)
    feature = encoder(torch.randn(2, 2, 18, joints, channels))
    assert feature.shape == (2, 16)
    feature.square().sum().backward()
    silent = [name for name, x in encoder.named_parameters() if x.grad is None]
    assert silent == []


def test_graph_of_another_library_is_told():
    with pytest.raises(InputError, match="layout='nturgb\\+d'; leave `layout` out"):
        make(graph_cfg={'layout': 'nturgb+d'})
    with pytest.raises(InputError, match='layout=None'):
        MODELS.build({'type': 'AGCN', 'graph_cfg': {}})
