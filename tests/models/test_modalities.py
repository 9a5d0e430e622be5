import pytest
import torch
from mmaction.datasets.transforms import GenSkeFeat

from mmcmd.errors import InputError
from mmcmd.models.modalities import build_modality
from mmcmd.skeletons import LAYOUTS

# (joint, parent), from 1, as published for NTU RGB+D.
NTU_BONES = (
    '1 2, 2 21, 3 21, 4 3, 5 21, 6 5, 7 6, 8 7, 9 21, 10 9, 11 10, 12 11, 13 1, 14 13, 15 14, '
    '16 15, 17 1, 18 17, 19 18, 20 19, 21 21, 22 23, 23 8, 24 25, 25 12'
)


@pytest.fixture
def joints():
    return torch.randn(3, 2, 5, 25, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def modalities():
    return {name: build_modality(name, 'ntu') for name in ('joint', 'motion', 'bone')}


def test_joint_is_the_input(joints, modalities):
    assert torch.equal(modalities['joint'](joints), joints)


def test_motion_is_the_way_to_the_next_frame_and_zero_in_the_last(joints, modalities):
    expected = torch.zeros_like(joints)
    for t in range(4):
        expected[:, :, t] = joints[:, :, t + 1] - joints[:, :, t]
    assert torch.equal(modalities['motion'](joints), expected)


def test_bone_is_the_published_list_of_ntu(joints, modalities):
    expected = torch.full_like(joints, torch.nan)
    for pair in NTU_BONES.split(','):
        joint, parent = (int(x) - 1 for x in pair.split())
        expected[..., joint, :] = joints[..., joint, :] - joints[..., parent, :]
    assert torch.equal(modalities['bone'](joints), expected)


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_bone_of_every_layout_is_zero_at_its_root_only(layout):
    num_joints = LAYOUTS[layout].num_joints
    bones = build_modality('bone', layout)(torch.randn(1, 1, 4, num_joints, 3))
    assert (bones == 0).all(dim=-1).sum(dim=-1).eq(1).all()


def test_modalities_equal_mmaction2_s(joints, modalities):
    for sample in joints:
        feats = GenSkeFeat(dataset='nturgb+d', feats=['j', 'jm', 'b'])(
            {'keypoint': sample.numpy()}
        )['keypoint']
        # mmaction2 joins the features on the last axis, in the given order.
        for found, name in zip(
            torch.from_numpy(feats).split(3, dim=-1), ('joint', 'motion', 'bone'), strict=True
        ):
            assert torch.equal(modalities[name](sample), found), name


def test_modalities_hold_no_state(modalities):
    assert [dict(module.state_dict()) for module in modalities.values()] == [{}, {}, {}]


def test_unknown_modality_lists_those_there_are():
    with pytest.raises(InputError, match=r"'smell'.*bone, joint, motion"):
        build_modality('smell', 'ntu')


def test_unknown_layout_lists_those_there_are():
    with pytest.raises(InputError, match=r"'alien'.*bandai2.*ntu"):
        build_modality('joint', 'alien')
