import numpy as np
import pytest

from mmcmd.errors import InputError
from mmcmd.skeletons import LAYOUTS, get_layout
from mmcmd.skeletons.layout_map import NEAREST, make_layout_map

NTU, KINECT_V1, COCO = (LAYOUTS[name] for name in ('ntu', 'kinect_v1', 'coco'))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize('name', sorted(LAYOUTS))
def test_layout_becomes_itself_bit_by_bit(name, rng):
    layout = LAYOUTS[name]
    keypoint = rng.normal(size=(2, 3, layout.num_joints, 3)).astype(np.float32)
    np.testing.assert_array_equal(make_layout_map(layout, layout)(keypoint), keypoint)


def test_ntu_becomes_kinect_v1_by_the_names_of_joints(rng):
    keypoint = rng.normal(size=(2, 3, 25, 3)).astype(np.float32)
    mapped = make_layout_map(NTU, KINECT_V1)(keypoint)
    assert mapped.shape == (2, 3, 20, 3)
    pairs = {
        'hip_centre': 'spine_base',
        'shoulder_centre': 'spine_shoulder',
        'head': 'head',
        'hand_left': 'hand_left',
        'foot_right': 'foot_right',
    }
    for target, source in pairs.items():
        found = mapped[:, :, KINECT_V1.joints.index(target)]
        np.testing.assert_array_equal(found, keypoint[:, :, NTU.joints.index(source)])
    spine, base, top = mapped[:, :, 1], keypoint[:, :, 0], keypoint[:, :, 20]
    np.testing.assert_allclose(spine, 0.83 * base + 0.17 * top, atol=1e-6)


def test_joint_that_is_missing_in_the_source_is_the_middle_of_two(rng):
    keypoint = rng.normal(size=(1, 4, 17, 2)).astype(np.float32)
    openpose = get_layout('openpose25')
    feet = [joint for joint in openpose.joints if 'toe' in joint or 'heel' in joint]
    layout_map = make_layout_map(COCO, openpose, {x: f'ankle_{x.split("_")[-1]}' for x in feet})
    mapped = layout_map(keypoint)
    np.testing.assert_allclose(mapped[:, :, 8], keypoint[:, :, [11, 12]].mean(2), rtol=1e-6)
    np.testing.assert_allclose(mapped[:, :, 1], keypoint[:, :, [5, 6]].mean(2), rtol=1e-6)
    np.testing.assert_array_equal(mapped[:, :, 19], keypoint[:, :, 15])


def test_joint_made_of_a_missing_joint_is_missing_in_that_frame(rng):
    keypoint = rng.normal(size=(1, 4, 17, 2)).astype(np.float32)
    keypoint[0, 2, 11] = 0
    mapped = make_layout_map(COCO, get_layout('openpose25'), NEAREST)(keypoint)
    assert not mapped[0, 2, [8, 12]].any()
    assert mapped[0, 2, [9, 13]].all()
    assert mapped[0, [0, 1, 3]].all()


def test_joints_without_a_counterpart_are_named():
    with pytest.raises(InputError, match=r'hand_tip_left, thumb_left, hand_tip_right, thumb_right'):
        make_layout_map(KINECT_V1, NTU)
    with pytest.raises(InputError, match=r"'coco' cannot be .* 'kinect_v1', .* no hand_left"):
        make_layout_map(COCO, KINECT_V1)


def test_nearest_joint_takes_the_place_of_a_joint_without_a_counterpart():
    weights = make_layout_map(KINECT_V1, NTU, NEAREST).weights
    hand = KINECT_V1.joints.index('hand_left')
    for joint in ('hand_left', 'thumb_left', 'hand_tip_left'):
        assert weights[NTU.joints.index(joint)].tolist() == np.eye(20)[hand].tolist()
    alone = get_layout({'name': 'x', 'joints': ['a', 'b'], 'parents': [-1, 0], 'centre': 0})
    with pytest.raises(InputError, match='it has no a, b'):
        make_layout_map(KINECT_V1, alone, NEAREST)


@pytest.mark.parametrize(
    ('joints', 'message'),
    [
        ({'thum_left': 'hand_left'}, r"'ntu' has no joint 'thum_left' \(did you mean 'thumb_left'"),
        ({'thumb_left': 'hand'}, r"what becomes 'thumb_left'.*'kinect_v1' has no joint 'hand'"),
        ('farthest', "must be 'nearest', or a mapping"),
    ],
)
def test_wrong_joints_are_told(joints, message):
    with pytest.raises(InputError, match=message):
        make_layout_map(KINECT_V1, NTU, joints)


def test_every_pair_of_layouts_maps_with_rows_that_add_up_to_one():
    for source in LAYOUTS.values():
        for target in LAYOUTS.values():
            if target.name in ('coco', 'mediapipe33'):
                continue  # their root is the nose, which most sensors do not have
            weights = make_layout_map(source, target, NEAREST).weights
            assert weights.shape == (target.num_joints, source.num_joints)
            np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_head_is_not_made_of_a_neck_that_is_made_of_the_head():
    source = get_layout(
        dict(name='x', joints=['thorax', 'head_top'], parents=[-1, 'thorax'], centre='thorax')
    )
    with pytest.raises(InputError, match=r'it has no .*neck, head'):
        make_layout_map(source, get_layout('kinect_v2'))
