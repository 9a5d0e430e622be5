import json

import numpy as np
import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.io.authors import rename_authors_state
from mmcmd.models import SkeletonEncoder
from mmcmd.registry import MODELS
from mmcmd.skeletons import LAYOUTS

# The 24 bones of NTU, (joint, parent), counted from 1.
NTU_BONES = (
    '1-2 2-21 3-21 4-3 5-21 6-5 7-6 8-7 9-21 10-9 11-10 12-11 13-1 14-13 15-14 16-15 '
    '17-1 18-17 19-18 20-19 22-23 23-8 24-25 25-12'
)


def make(layout='ntu', **options):
    torch.manual_seed(0)
    return SkeletonEncoder({'type': 'SkeletonCLRSTGCN', **options}, layout=layout)


def test_default_sizes_are_the_released_ones():
    encoder = make()
    assert sum(p.numel() for p in encoder.parameters()) == 821_380
    assert encoder.feature_size() == 256
    widths = [block.tcn.conv.out_channels for block in encoder.backbone.gcn]
    assert widths == [16, 16, 16, 16, 32, 32, 32, 64, 64, 256]
    assert [block.tcn.stride for block in encoder.backbone.gcn] == [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    dropout = [block.tcn.drop.p for block in encoder.backbone.gcn]
    assert dropout == [0] + [0.5] * 9


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_any_layout_and_number_of_frames_is_encoded(layout):
    joints, channels = LAYOUTS[layout].num_joints, 2 if layout == 'coco' else 3
    encoder = make(layout, hidden_channels=4, hidden_dim=24, in_channels=channels)
    x = torch.randn(2, 2, 18, joints, channels)
    assert encoder.backbone(x).shape == (2, 2, 24, 5, joints)
    assert encoder(x).shape == (2, 24)


def test_adjacency_is_the_released_one():
    bones = [[int(x) - 1 for x in bone.split('-')] for bone in NTU_BONES.split()]
    linked = {(v, w) for pair in bones for v, w in (pair, pair[::-1])}
    distance = {v: float('inf') for v in range(25)} | {20: 0}
    distance |= {v: 1 for v, w in linked if w == 20}  # all other joints count as infinitely far
    expected = np.zeros((3, 25, 25))
    for w in range(25):
        share = 1 / (1 + sum((v, w) in linked for v in range(25)))
        expected[0, w, w] = share
        for v in range(25):
            if (v, w) in linked:
                expected[1 if distance[v] >= distance[w] else 2, v, w] = share
    for block in make(hidden_channels=4, hidden_dim=24).backbone.gcn:
        np.testing.assert_allclose(block.gcn.A, expected, atol=1e-7)
        assert (block.gcn.PA == 1).all()


def test_weights_start_as_in_the_released_code(mmcmd_scope):
    encoder = make()
    encoder.init_weights()
    groups = {'conv': [], 'bn': []}
    for name, parameter in encoder.backbone.named_parameters():
        if name.endswith('bias'):
            assert not parameter.any(), name
        elif name.endswith('PA'):
            assert (parameter == 1).all()
        else:
            kind = 'bn' if 'bn.' in name else 'conv'
            groups[kind].append(parameter.detach().flatten())
            mean, error = (1, 4) if kind == 'bn' else (0, 5)
            assert parameter.std().item() == pytest.approx(0.02, rel=0.6), name
            assert abs(parameter.mean().item() - mean) < error * 0.02 / parameter.numel() ** 0.5
    for kind, mean in (('conv', 0), ('bn', 1)):
        weights = torch.cat(groups[kind])
        assert weights.mean().item() == pytest.approx(mean, abs=2e-3)
        assert weights.std().item() == pytest.approx(0.02, rel=0.05)


def test_another_initialisation_can_be_given(mmcmd_scope):
    encoder = make(init_cfg={'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5, 'bias': 0})
    encoder.init_weights()
    assert (encoder.backbone.gcn[9].residual.conv.weight == 0.5).all()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'graph_cfg': {'layout': 'nturgb+d'}}, "layout='nturgb\\+d'; leave `layout` out"),
        ({'hidden_channels': 3}, 'hidden_channels=3 of SkeletonCLRSTGCN must differ'),
    ],
)
def test_what_would_make_another_encoder_is_told(options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


def test_a_graph_is_needed_where_no_encoder_fills_it_in():
    with pytest.raises(InputError, match='layout=None'):
        MODELS.build({'type': 'SkeletonCLRSTGCN', 'graph_cfg': {}})


def test_features_are_the_released_code_s(shared):
    folder = shared / 'golden' / 'methods'
    golden = np.load(folder / 'skeletonclr_train.npz')
    sizes = json.loads(str(golden['config']))
    encoder = make(**{key: sizes[key] for key in ('hidden_channels', 'hidden_dim', 'dropout')})
    state = torch.load(folder / 'skeletonclr_final.pth.tar', weights_only=True)
    prefix, renamed = 'encoders.joint.backbone.', rename_authors_state('skeletonclr', state)
    released = {k.removeprefix(prefix): x for k, x in renamed.items() if k.startswith(prefix)}
    built = encoder.backbone.gcn[0].gcn.A.clone()
    encoder.backbone.load_state_dict(released, strict=True)
    torch.testing.assert_close(encoder.backbone.gcn[0].gcn.A, built)
    # (N, C, T, V, M) to (N, M, T, V, C)
    joints = torch.from_numpy(golden['steps'][0, 0].transpose(0, 4, 2, 3, 1).copy()).double()
    with torch.no_grad():
        found = encoder.double().eval()(joints)
    np.testing.assert_allclose(found, golden['feat/joint'], rtol=0, atol=1e-5)
