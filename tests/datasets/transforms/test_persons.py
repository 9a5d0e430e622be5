import numpy as np
import pytest

from mmcmd.datasets.transforms import NormalizePersons, normalize_persons, turn_persons
from mmcmd.errors import InputError
from mmcmd.skeletons import LAYOUTS, get_layout


@pytest.fixture
def keypoint():
    return np.random.default_rng(0).normal(size=(2, 20, 25, 3)).astype(np.float32)


def sample(keypoint, **more):
    return {'keypoint': keypoint, 'layout': 'ntu', 'clip_len': 12, 'frame_dir': 'S001'} | more


def test_each_person_is_centred_on_its_own_trunk_in_each_frame(keypoint):
    given = keypoint.copy()
    found = NormalizePersons()(sample(keypoint))['keypoint']
    assert found.shape == (2, 12, 25, 3)
    assert found.dtype == np.float32
    assert not found[:, :, 20].any()
    assert np.array_equal(keypoint, given)
    moved = keypoint + np.array([[[[1, 2, 3]]], [[[-4, 5, 6]]]], np.float32)
    other = NormalizePersons()(sample(moved))['keypoint']
    np.testing.assert_allclose(other, found, atol=1e-4)


def test_frames_without_the_first_joint_shorten_the_sequence_at_its_end(keypoint):
    keypoint[0, 5:8, 0] = 0  # three frames in the middle
    found = normalize_persons(keypoint, get_layout('ntu'), 17)
    expected = normalize_persons(keypoint[:, :17], get_layout('ntu'), 14)
    assert found.shape[1] == 17
    assert found[0, 5, 0].any(), 'the gap stays, minus the trunk'
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(found[:, :14], expected, atol=1e-3)
    keypoint[:, 17:] = 1e6  # these frames are not used
    np.testing.assert_array_equal(normalize_persons(keypoint, get_layout('ntu'), 17), found)


def test_shoulders_come_to_lie_along_x_without_changing_heights_or_lengths(keypoint):
    keypoint[:, :, 8, 2] = keypoint[:, :, 4, 2] + np.abs(keypoint[:, :, 8, 2]) + 0.5  # one sign
    found = turn_persons(keypoint, (4, 8))
    np.testing.assert_array_equal(found[..., 1], keypoint[..., 1])
    lengths = np.linalg.norm(keypoint, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), lengths, rtol=1e-5)
    width = found[:, :, 8] - found[:, :, 4]
    assert (width[..., 0] > 0).all()
    assert np.abs(width[..., 2]).max() < 0.05  # the released code divides by |w| + 0.0001


def test_frame_that_leans_against_the_sequence_is_turned_the_wrong_way(keypoint):
    keypoint[:, :, 4] = 0
    keypoint[:, :, 8] = [1, 0, 1]
    keypoint[0, 3, 8] = [1, 0, -1]
    found = turn_persons(keypoint, (4, 8))[0, :, 8]
    np.testing.assert_allclose(found[2], [2**0.5, 0, 0], atol=1e-3)
    np.testing.assert_allclose(found[3], [0, 0, -(2**0.5)], atol=1e-3)


def test_missing_person_stays_zero_and_a_layout_without_shoulders_is_not_turned(keypoint):
    keypoint[1] = 0
    assert not NormalizePersons(8)(sample(keypoint))['keypoint'][1].any()
    flat = keypoint[:, :, :17, :2]
    found = normalize_persons(flat, LAYOUTS['coco'], 20)
    np.testing.assert_array_equal(found, flat - flat[:, :, :1])


def test_samples_that_cannot_be_normalised_are_told(keypoint):
    with pytest.raises(InputError, match=r'S001 was normalised.*without --normalize'):
        NormalizePersons()(sample(keypoint, normalized=True))
    keypoint[0, :, 0] = 0
    with pytest.raises(InputError, match=r"S001: joint 'spine_base'.*no valid frame"):
        NormalizePersons()(sample(keypoint))
    with pytest.raises(InputError, match='3 coordinates, but their joints have 2'):
        NormalizePersons()(sample(keypoint[::-1, ..., :2]))
