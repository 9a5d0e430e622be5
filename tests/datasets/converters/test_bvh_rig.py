"""Rigs: plain names, limbs, layouts, headings."""

import numpy as np
import pytest
from bvh_writing import BODY, rig_of

from mmcmd.datasets.converters.bvh_rig import plain_name
from mmcmd.skeletons import BANDAI2, get_layout


@pytest.mark.parametrize(
    ('name', 'plain'),
    [
        ('LeftUpLeg', 'up_leg_left'),
        ('UpperArm_L', 'upper_arm_left'),
        ('mixamorig:RightHandThumb1', 'hand_thumb_1_right'),
        ('LHipJoint', 'hip_joint_left'),
        ('rShldr', 'shldr_right'),
        ('Bip01_R_Thigh', 'bip_01_thigh_right'),
        ('Spine1', 'spine_1'),
        ('Left', 'left'),
        ('頭', '頭'),
    ],
)
def test_names_are_those_of_layouts(name, plain):
    assert plain_name(name) == plain


@pytest.fixture
def rig():
    return rig_of(BODY)[0]


def test_limbs_are_found_by_the_sides_in_the_names(rig):
    names = {limb: [rig.joints[x] for x in joints] for limb, joints in rig.limbs.items()}
    assert names['trunk'] == ['hips', 'spine', 'chest', 'neck', 'head']
    assert names['arm_left'] == ['arm_left', 'fore_arm_left', 'hand_left']
    assert names['leg_right'] == ['up_leg_right', 'leg_right', 'foot_right']
    assert rig.stature == pytest.approx(20 + 20 + 10 + 15 + 10 + 42 + np.hypot(42, 5))


def test_layout_is_one_that_every_method_can_use(rig):
    layout = get_layout(rig.layout('mine'))
    assert layout.joints[layout.centre] == 'hips'
    assert layout.joints[layout.trunk] == 'chest'
    assert [layout.joints[joint] for joint in layout.hips] == ['up_leg_left', 'up_leg_right']
    assert layout.spine is None
    assert len(layout.parts) == 5
    assert layout.joints[layout.mirrored[layout.joints.index('hand_left')]] == 'hand_right'


def test_joints_above_the_hips_are_left_out():
    joints = (('Armature', None, (0, 0, 0)), ('Root', 'Armature', (0, 0, 0)), *BODY)
    joints = [(n, 'Root' if n == 'Hips' else p, o) for n, p, o in joints]
    found, _ = rig_of(joints)
    assert found.joints == rig_of(BODY)[0].joints
    assert found.parents[:2] == (0, 0)
    assert found.kept[0] == 2


def test_hips_that_lie_in_the_root_give_way_to_the_next_joint():
    joints = [('LHipJoint', 'Hips', (0, 0, 0)), ('RHipJoint', 'Hips', (0, 0, 0))]
    legs = {'LeftUpLeg': 'LHipJoint', 'RightUpLeg': 'RHipJoint'}
    joints = [*BODY[:5], *joints, *((n, legs.get(n, p), o) for n, p, o in BODY[5:])]
    found, _ = rig_of(joints)
    names = [found.joints[joint] for joint in found.layout('x')['hips']]
    assert names == ['up_leg_left', 'up_leg_right']


def test_rig_without_sides_is_not_turned():
    rig, rest = rig_of(
        [
            (
                n.replace('Left', 'A').replace('Right', 'B'),
                None if p is None else p.replace('Left', 'A').replace('Right', 'B'),
                o,
            )
            for n, p, o in BODY
        ]
    )
    assert rig.limbs is None
    np.testing.assert_array_equal(rig.face_the_sensor(rest[None]), rest[None])
    assert 'hips' not in rig.layout('x')


@pytest.mark.parametrize('degrees', [0, 40, 179, 180, 260])
def test_first_frame_looks_into_the_sensor_and_the_lean_stays(rig, degrees):
    _, rest = rig_of(BODY)
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    lean = rest + 0.2 * rest[:, 1:2] * [0, 0, 1]  # forwards
    found = rig.face_the_sensor(np.stack([lean, lean + 1]) @ turn)
    expected = np.stack([lean, lean + 1]) @ np.diag([-1, 1, -1])  # it looked along +z
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    left, right = (rig.joints.index(f'arm_{side}') for side in ('left', 'right'))
    assert found[0, right, 0] > found[0, left, 0] + 30


def test_names_of_the_publisher_are_those_of_the_layout():
    theirs = ['Hips', 'Shoulder_L', 'UpperArm_L', 'LowerLeg_R', 'Toes_R', 'Head']
    assert {plain_name(name) for name in theirs} <= set(BANDAI2.joints)
