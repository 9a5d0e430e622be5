"""Limbs of other lengths, the choice of a person, mirror and noise of SLiM."""

import numpy as np
import pytest

from mmcmd.datasets.transforms import (
    GaussianNoise,
    JointFlip,
    LimbLengths,
    RandomPerson,
    UniformRotation,
    limb_tree,
    scale_limbs,
)
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout

TREE = [0, 0, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 7, 7, 11, 11]


@pytest.fixture
def keypoint():
    return np.random.default_rng(0).normal(size=(2, 3, 25, 3)).astype('f4')


def sample(keypoint, seed=0, layout='ntu'):
    return {'keypoint': keypoint, 'layout': layout, 'rng': np.random.default_rng(seed)}


def bones(keypoint, parents):
    return keypoint - keypoint[:, :, list(parents)]


def test_tree_and_limbs_are_the_released_ones():
    parents, limbs = limb_tree(get_layout('ntu'))
    assert list(parents) == TREE
    assert np.flatnonzero(limbs == 0).tolist() == [0, 1, 2, 3, 20]
    assert np.flatnonzero(limbs == 2).tolist() == [*range(12, 20)]


def test_bones_keep_their_direction_and_the_root_its_place(keypoint):
    parents, limbs = limb_tree(get_layout('ntu'))
    scales = np.array([[1.1, 0.9, 1.05], [0.85, 1.15, 1.0]])[:, limbs]
    found = scale_limbs(keypoint, parents, scales, in_index_order=False)
    expected = bones(keypoint, parents) * scales[:, None, :, None]
    np.testing.assert_allclose(bones(found, parents), expected, atol=1e-5)
    np.testing.assert_allclose(found[:, :, 0], keypoint[:, :, 0], atol=1e-6)


def test_released_order_hangs_neck_and_shoulders_on_the_origin(keypoint):
    parents, _ = limb_tree(get_layout('ntu'))
    found = scale_limbs(keypoint, parents, np.ones((2, 25)), in_index_order=True)
    for joint in (2, 4, 8):
        expected = keypoint[:, :, joint] - keypoint[:, :, 20]
        np.testing.assert_allclose(found[:, :, joint], expected, atol=1e-5)
    np.testing.assert_allclose(found[:, :, 12:20], keypoint[:, :, 12:20], atol=1e-5)


@pytest.mark.parametrize('layout', ['ntu', 'kinect_v1', 'bandai2'])
def test_released_order_concerns_layout_ntu_alone(layout):
    joints = get_layout(layout).num_joints
    keypoint = np.random.default_rng(0).normal(size=(1, 2, joints, 3)).astype('f4')
    found = [
        LimbLengths(as_released=x)(sample(keypoint, layout=layout))['keypoint']
        for x in (False, True)
    ]
    assert np.allclose(*found) == (layout != 'ntu')


def test_factors_of_persons_differ_and_absent_persons_stay_zero(keypoint):
    keypoint[1] = keypoint[0]
    found = LimbLengths()(sample(keypoint))['keypoint']
    assert not np.allclose(found[0], found[1])
    keypoint[1] = 0
    assert not LimbLengths()(sample(keypoint))['keypoint'][1].any()
    with pytest.raises(InputError, match=r'spread=1\.5 of LimbLengths must be in'):
        LimbLengths(1.5)


def test_one_person_that_is_there_is_kept_and_starts_in_the_origin(keypoint):
    chosen = set()
    for seed in range(20):
        found = RandomPerson()(sample(keypoint, seed))['keypoint']
        assert found.shape == (1, 3, 25, 3)
        assert not found[0, 0, 1].any()
        moved = keypoint - keypoint[:, :1, 1:2]
        chosen.add(next(i for i in (0, 1) if np.array_equal(found[0], moved[i])))
    assert chosen == {0, 1}
    keypoint[0] = 0
    for seed in range(5):
        found = RandomPerson()(sample(keypoint, seed))['keypoint']
        np.testing.assert_array_equal(found[0], keypoint[1] - keypoint[1, 0, 1])


def test_sequence_without_persons_keeps_one():
    assert RandomPerson()(sample(np.zeros((2, 3, 25, 3), 'f4')))['keypoint'].shape[0] == 1


def test_mirror_exchanges_sides_and_the_sign_of_x(keypoint):
    found = JointFlip(mirror_axis=0)(sample(keypoint))['keypoint']
    np.testing.assert_array_equal(found[:, :, 4], keypoint[:, :, 8] * [-1, 1, 1])
    np.testing.assert_array_equal(found[:, :, 20], keypoint[:, :, 20] * [-1, 1, 1])


def test_noise_may_leave_absent_persons(keypoint):
    keypoint[1] = 0
    found = GaussianNoise(skip_absent=True)(sample(keypoint))['keypoint']
    assert not found[1].any()
    assert not np.allclose(found[0], keypoint[0])
    assert GaussianNoise()(sample(keypoint))['keypoint'][1].any()


def test_rotation_may_have_a_limit_for_each_axis(keypoint):
    found = UniformRotation((0.0, 3.0, 0.0))(sample(keypoint))['keypoint']
    np.testing.assert_allclose(found[..., 1], keypoint[..., 1], atol=1e-6)
    assert not np.allclose(found[..., 0], keypoint[..., 0])
