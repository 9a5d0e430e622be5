from mmcmd.skeletons import LAYOUTS
from mmcmd.skeletons.joint_names import common_names


def test_names_of_sensors_and_estimators_become_common():
    names = ['hip_centre', 'SpineBase', 'MidHip', 'LShoulder', 'r_ankle', 'left_big_toe', 'Chin']
    assert [common_names([name])[0] for name in names] == [
        *('pelvis', 'pelvis', 'pelvis', 'shoulder_left', 'ankle_right', 'big_toe_left', 'chin')
    ]


def test_rig_names_its_joints_after_the_bones():
    names = ['Hips', 'LeftShoulder', 'LeftArm', 'LeftForeArm', 'LeftHand', 'RightUpLeg', 'RightLeg']
    assert common_names([f'mixamorig:{name}' for name in names]) == [
        *('pelvis', 'collar_left', 'shoulder_left', 'elbow_left', 'wrist_left'),
        *('hip_right', 'knee_right'),
    ]
    assert common_names(['hand_left', 'leg_left']) == ['hand_left', 'leg_left'], 'no rig'


def test_second_joint_of_a_common_name_keeps_its_own():
    assert common_names(['spine', 'torso', 'Hips', 'root']) == ['spine', 'torso', 'pelvis', 'root']


def test_every_layout_names_hips_shoulders_and_knees():
    needed = {f'{x}_{side}' for x in ('hip', 'shoulder', 'knee') for side in ('left', 'right')}
    for layout in LAYOUTS.values():
        assert needed <= set(layout.common_names), layout.name
        assert len(set(layout.common_names)) == layout.num_joints
