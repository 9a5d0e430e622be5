"""USDRL's encoders as backbones."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models import SpatioTemporalTransformer
from mmcmd.models.backbones.dense_blocks import DenseBlock
from mmcmd.models.backbones.spatio_temporal import sinusoids

SIZES = dict(num_joints=5, clip_len=8, hidden_size=6, num_heads=2, drop_path_rate=0.0)


@pytest.fixture
def joints():
    return torch.randn(3, 2, 8, 5, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('dense', [True, False])
def test_feature_is_the_maximum_over_tokens_of_both_kinds(joints, dense):
    backbone = SpatioTemporalTransformer(dense=dense, **SIZES).eval()
    temporal, spatial = backbone.tokens_of_both(joints)
    assert (temporal.shape, spatial.shape) == ((3, 8, 6), (3, 10, 6))
    expected = torch.cat([temporal.amax(dim=1), spatial.amax(dim=1)], dim=1)
    assert torch.equal(backbone(joints), expected)
    assert backbone.feature_map(joints).shape == (3, 1, 12, 8, 1)


def test_tokens_are_frames_and_joints_of_persons(joints):
    backbone, seen = SpatioTemporalTransformer(**SIZES), []
    for stream in (backbone.temporal, backbone.spatial):
        stream.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    backbone(joints)
    assert torch.equal(seen[0][1, 4], joints[1, :, 4].flatten())  # (M, V, C)
    assert torch.equal(seen[1][1, 7], joints[1, 1, :, 2].flatten())  # (T, C) of the second person


def test_only_valid_steps_give_the_temporal_maximum(joints):
    backbone = SpatioTemporalTransformer(**SIZES).eval()
    feature_map = backbone.feature_map(joints)
    found = backbone.read(feature_map, torch.tensor([8, 3, 1]))
    assert torch.equal(found[1], feature_map[1, 0, :, :3, 0].amax(dim=1))


def test_some_tokens_of_a_dense_block_are_not_mixed():
    block = DenseBlock(6, 2, 8, share=0.0, stride=4).eval()
    seen = []
    block.shifted.norm1.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    tokens = torch.randn(2, 8, 6)
    block(tokens)
    mixed, plain = seen
    assert torch.equal(plain, tokens)
    same = (mixed == tokens).all(dim=2).all(dim=0)
    assert same.tolist() == [True, False, False, False] * 2


def test_codes_of_time_are_sine_and_cosine():
    codes = sinusoids(5, 6)[0]
    rate = 10000 ** (-2 / 6)
    assert codes[3, 2].item() == pytest.approx(torch.tensor(3 * rate).sin().item(), abs=1e-6)
    assert codes[3, 3].item() == pytest.approx(torch.tensor(3 * rate).cos().item(), abs=1e-6)


@pytest.mark.parametrize('part', [(slice(None), slice(1)), (slice(None), slice(None), slice(4))])
def test_one_person_or_another_length_is_refused(joints, part):
    with pytest.raises(InputError, match=r'set data\.num_person, or model\.backbone\.clip_len'):
        SpatioTemporalTransformer(**SIZES)(joints[part])
