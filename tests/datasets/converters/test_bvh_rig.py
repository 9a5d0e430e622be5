"""Rigs: plain names, limbs, units, headings, frame rates."""

import numpy as np
import pytest
from bvh_writing import BODY

from mmcmd.datasets.converters.bvh_rig import Rig, find_scale, plain_name, resample
from mmcmd.errors import InputError
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


def rig_of(joints, positions=None):
    """Return the rig of joints at rest."""
    names = [name for name, _, _ in joints]
    parents = [-1 if parent is None else names.index(parent) for _, parent, _ in joints]
    rest = np.zeros((len(joints), 3))
    for index, (_, _, offset) in enumerate(joints):
        rest[index] = np.array(offset) + (rest[parents[index]] if index else 0)
    return Rig.find(names, parents, rest if positions is None else positions), rest


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


@pytest.mark.parametrize(('unit', 'factor'), [('m', 0.01), ('cm', 1), ('mm', 10), ('in', 1 / 2.54)])
def test_unit_is_told_by_the_height(unit, factor):
    scale = find_scale(rig_of([(n, p, np.array(o) * factor) for n, p, o in BODY])[0], None, 'x')
    assert scale * factor == pytest.approx(0.01)


@pytest.mark.parametrize(
    ('factor', 'units', 'message'),
    [
        (0.2, None, r'x\.bvh: the body is 31\.8\d units tall, .* for example --units 0\.0534'),
        (1, 'm', r'with --units m the body is 159 m tall; did you mean --units cm\?'),
        (1, 'furlong', r"units 'furlong': expected m, cm, mm, in or metres a unit"),
        (1, '-2', r"units '-2'"),
        (1, 'nan', r"units 'nan'"),
    ],
)
def test_odd_units_are_told(factor, units, message):
    rig, _ = rig_of([(n, p, np.array(o) * factor) for n, p, o in BODY])
    with pytest.raises(InputError, match=message):
        find_scale(rig, units, 'x.bvh')


def test_unit_may_be_a_number(rig):
    assert find_scale(rig, '0.0564', 'x') == 0.0564


def test_frame_rate_is_changed_by_whole_steps_or_between_frames():
    motion = np.arange(13.0)[:, None, None] * [1, 2, 3]
    np.testing.assert_array_equal(resample(motion, 120, 30), motion[::4])
    np.testing.assert_array_equal(resample(motion, 30.00003, 30), motion)
    np.testing.assert_allclose(
        resample(motion, 50, 20)[:, 0, 0], [0, 2.5, 5, 7.5, 10], rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(resample(motion, 10, 20)[:5, 0, 0], [0, 0.5, 1, 1.5, 2])
    assert len(resample(motion[:1], 50, 20)) == 1


def test_names_of_the_publisher_are_those_of_the_layout():
    theirs = ['Hips', 'Shoulder_L', 'UpperArm_L', 'LowerLeg_R', 'Toes_R', 'Head']
    assert {plain_name(name) for name in theirs} <= set(BANDAI2.joints)
