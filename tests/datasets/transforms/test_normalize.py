import numpy as np
import pytest

from mmcmd.datasets.transforms import NormalizeSkeleton, SubtractJoint, normalize_skeleton
from mmcmd.datasets.transforms.normalize import fill_missing_frames
from mmcmd.skeletons import get_layout

CENTRE, BOTTOM, TOP, LEFT, RIGHT = 1, 0, 1, 4, 8  # joints of NTU


@pytest.fixture
def keypoint():
    return np.random.default_rng(0).normal(size=(2, 9, 25, 3)).astype(np.float32)


@pytest.mark.parametrize(
    'missing',
    [
        {},
        {0: [0, 1, 4]},
        {1: [0, 1, 4]},
        {0: [7, 8]},
        {1: [3, 4, 5, 6, 7, 8]},
        {0: [0, 5, 8], 1: [0, 1, 2, 3, 4, 5, 6, 7]},
        {0: [4]},
        {1: list(range(9))},
    ],
    ids=str,
)
def test_normalisation_is_the_released_one(keypoint, missing, plain_normalization):
    for person, frames in missing.items():
        keypoint[person, frames] = 0
    keypoint[:, 2, 11] = 0  # a joint missing in one frame
    given = keypoint.copy()
    found = normalize_skeleton(keypoint, get_layout('ntu'))
    np.testing.assert_allclose(found, plain_normalization(keypoint), atol=1e-5)
    assert found.dtype == np.float32
    assert np.array_equal(keypoint, given), 'the input is left alone'


def test_spine_is_upright_and_shoulders_face_x_in_the_first_frame(keypoint):
    first = normalize_skeleton(keypoint, get_layout('ntu'))[0, 0]
    # Turning the shoulders also moves the spine, unless the two are at right angles.
    across = first[RIGHT] - first[LEFT]
    np.testing.assert_allclose(across[1:] / np.linalg.norm(across), 0, atol=1e-5)
    keypoint[0, 0, [LEFT, RIGHT]] = [[-1, 0, 0], [1, 0, 0]]
    keypoint[0, 0, [BOTTOM, TOP]] = [[0, 1, 1], [0, 2, 3]]
    first = normalize_skeleton(keypoint, get_layout('ntu'))[0, 0]
    spine = first[TOP] - first[BOTTOM]
    np.testing.assert_allclose(spine / np.linalg.norm(spine), [0, 0, 1], atol=1e-5)


def test_every_frame_is_centred_on_the_first_person(keypoint):
    found = normalize_skeleton(keypoint, get_layout('ntu'))
    np.testing.assert_allclose(found[0, :, CENTRE], 0, atol=1e-6)
    assert np.abs(found[1, :, CENTRE]).min() > 1e-3


def test_distances_between_joints_of_a_frame_are_kept(keypoint):
    found = normalize_skeleton(keypoint, get_layout('ntu'))
    for t in (0, 8):
        before, after = (x[:, t].reshape(50, 3) for x in (keypoint, found))
        np.testing.assert_allclose(
            np.linalg.norm(before[:, None] - before, axis=-1),
            np.linalg.norm(after[:, None] - after, axis=-1),
            atol=1e-5,
        )


def test_body_without_orientation_is_not_turned_into_nan(keypoint):
    keypoint[0] = 1.0
    assert np.isfinite(normalize_skeleton(keypoint, get_layout('ntu'))).all()
    assert not normalize_skeleton(np.zeros_like(keypoint), get_layout('ntu')).any()


def test_transform_takes_the_layout_from_the_sample(keypoint):
    keypoint = keypoint[:, :, :21]
    found = NormalizeSkeleton()({'keypoint': keypoint, 'layout': 'bandai2'})['keypoint']
    assert np.array_equal(found, normalize_skeleton(keypoint, get_layout('bandai2')))


def test_bodies_keep_their_direction_on_request(keypoint):
    keypoint[0, 0] = 0  # this frame is also filled
    found = NormalizeSkeleton(turn=False)({'keypoint': keypoint.copy(), 'layout': 'ntu'})
    filled = fill_missing_frames(keypoint)
    np.testing.assert_allclose(found['keypoint'], filled - filled[:1, :, [CENTRE]], atol=1e-6)


def test_points_in_an_image_are_centred_and_not_turned():
    keypoint = np.random.default_rng(0).normal(size=(2, 5, 17, 2)).astype(np.float32)
    found = normalize_skeleton(keypoint, get_layout('coco'))
    assert np.allclose(found, keypoint - keypoint[:1, :, :1])


def test_a_sample_normalised_before_stays_as_it_is():
    keypoint = np.random.default_rng(0).normal(size=(1, 5, 25, 3)).astype(np.float32)
    sample = {'keypoint': keypoint.copy(), 'layout': 'ntu', 'normalized': True}
    assert np.array_equal(NormalizeSkeleton()(sample)['keypoint'], keypoint)


def test_each_frame_of_each_person_is_centred_on_its_own_joint(keypoint):
    keypoint[:, 6:] = 0  # padding
    for joint, expected in ((None, CENTRE), (16, 16)):
        sample = {'keypoint': keypoint.astype(np.float64), 'layout': 'ntu'}
        found = SubtractJoint(joint)(sample)['keypoint']
        assert found.dtype == np.float32
        assert not found[:, :, expected].any()
        assert not found[:, 6:].any()
        for person in range(2):
            moved = keypoint[person, 3] - keypoint[person, 3, expected]
            np.testing.assert_allclose(found[person, 3], moved, atol=1e-6)
