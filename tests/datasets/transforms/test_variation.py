import numpy as np
import pytest

from mmcmd.datasets.transforms import (
    BoneLengths,
    TimeWarp,
    UpRotation,
    scale_bones,
    turn_about,
    warp_time,
)
from mmcmd.errors import InputError
from mmcmd.skeletons import KINECT_V1


@pytest.fixture
def keypoint():
    return np.random.default_rng(0).normal(size=(2, 12, 20, 3)).astype(np.float32)


def apply(transform, keypoint, seed=0):
    rng = np.random.default_rng(seed)
    return transform({'keypoint': keypoint, 'layout': 'kinect_v1', 'rng': rng})['keypoint']


def bones(keypoint):
    return keypoint - keypoint[:, :, list(KINECT_V1.parents)]


def test_each_bone_is_as_long_as_its_factor_says_and_the_root_stays(keypoint):
    scales = np.random.default_rng(1).uniform(0.5, 1.5, 20)
    scaled = scale_bones(keypoint, KINECT_V1.parents, scales)
    expected = bones(keypoint) * scales[:, None]
    np.testing.assert_allclose(bones(scaled), expected, atol=1e-5)
    np.testing.assert_allclose(scaled[:, :, 0], keypoint[:, :, 0], atol=1e-6)
    assert scaled.dtype == np.float32


def test_person_that_is_not_there_stays_away(keypoint):
    keypoint[1] = 0
    assert not scale_bones(keypoint, KINECT_V1.parents, np.full(20, 1.3))[1].any()


def test_both_sides_of_a_body_get_the_same_proportions_in_all_frames(keypoint):
    scaled = apply(BoneLengths(0.4), keypoint)
    with np.errstate(invalid='ignore'):
        factors = np.linalg.norm(bones(scaled), axis=-1) / np.linalg.norm(bones(keypoint), axis=-1)
    factors = factors[:, :, 1:]
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:1, :1], factors.shape), rtol=1e-3)
    left, right = (KINECT_V1.joints.index(f'elbow_{side}') - 1 for side in ('left', 'right'))
    assert factors[0, 0, left] == pytest.approx(factors[0, 0, right], rel=1e-3)
    assert 0.6 <= factors.min() < 0.9 < 1.1 < factors.max() <= 1.4


def test_turn_keeps_the_height_and_the_distances(keypoint):
    turned = apply(UpRotation(180), keypoint)
    assert not np.allclose(turned, keypoint)
    np.testing.assert_allclose(turned[..., 2], keypoint[..., 2])
    np.testing.assert_allclose(
        np.linalg.norm(turned, axis=-1), np.linalg.norm(keypoint, axis=-1), rtol=1e-5
    )
    quarter = turn_about(np.float32([[[[1, 0, 0]]]]), np.pi / 2, axis=2)
    np.testing.assert_allclose(quarter, [[[[0, 1, 0]]]], atol=1e-6)


def test_warped_sequence_has_the_same_ends_and_the_same_order():
    line = np.arange(20, dtype=np.float32).reshape(1, 20, 1, 1)
    warped = warp_time(line, np.array([1.0, 4.0, 1.0]))[0, :, 0, 0]
    assert warped[0] == 0
    assert warped[-1] == pytest.approx(19)
    steps = np.diff(warped)
    assert (steps > 0).all()
    assert steps[9] > 2 * steps[0], 'faster in the middle'
    np.testing.assert_allclose(warp_time(line, np.ones(4)), line, atol=1e-5)
    short = np.ones((1, 2, 1, 1), np.float32)
    assert warp_time(short, np.ones(4)).shape == short.shape


@pytest.mark.parametrize('transform', [BoneLengths(0.3), UpRotation(), TimeWarp()])
def test_the_generator_of_the_sample_alone_decides(keypoint, transform):
    before = keypoint.copy()
    first = apply(transform, keypoint)
    np.testing.assert_array_equal(first, apply(transform, keypoint))
    assert not np.array_equal(first, apply(transform, keypoint, seed=1))
    np.testing.assert_array_equal(keypoint, before)
    assert first.dtype == np.float32


def test_bones_cannot_vanish():
    with pytest.raises(InputError, match=r'spread=1 of BoneLengths must be in \[0, 1\)'):
        BoneLengths(1)
