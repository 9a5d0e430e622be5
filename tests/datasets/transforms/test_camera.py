"""The preprocessing that keeps the camera's axes."""

import numpy as np
import pytest

from mmcmd.datasets.transforms import TranslateToStart, UniformRotation, translate_to_start
from mmcmd.errors import InputError


@pytest.fixture
def keypoint():
    """Return two persons of 6 frames; the first begins in frame 1, the second ends in frame 3."""
    rng = np.random.default_rng(0)
    keypoint = rng.normal(size=(2, 6, 25, 3)).astype(np.float32)
    keypoint[0, 0] = keypoint[1, 4:] = 0
    return keypoint


def test_one_point_is_subtracted_and_missing_frames_stay_zero(keypoint):
    found = translate_to_start(keypoint, 1)
    origin = keypoint[0, 1, 1]
    assert np.array_equal(found[0, 1:], keypoint[0, 1:] - origin)
    assert np.array_equal(found[1, :4], keypoint[1, :4] - origin)
    assert not found[0, 0].any()
    assert not found[1, 4:].any()


def test_empty_frame_of_a_single_person_is_moved_too(keypoint):
    found = translate_to_start(keypoint[:1], 1)
    assert np.array_equal(found[0, 0], np.broadcast_to(-keypoint[0, 1, 1], (25, 3)))


def test_second_person_that_is_always_zero_counts_as_absent(keypoint):
    keypoint[1] = 0
    results = TranslateToStart()({'keypoint': keypoint, 'layout': 'ntu'})
    assert len(results['keypoint']) == 1


def test_as_many_frames_are_left_as_are_not_empty(keypoint):
    keypoint[:, 5] = 0
    results = TranslateToStart()({'keypoint': keypoint, 'layout': 'ntu'})
    assert results['keypoint'].shape == (2, 5, 25, 3)


def test_sequence_without_frames_is_refused():
    empty = {'keypoint': np.zeros((2, 4, 25, 3)), 'layout': 'ntu', 'frame_dir': 'S001'}
    with pytest.raises(InputError, match='S001 has no valid frame'):
        TranslateToStart()(empty)


def test_rotation_keeps_lengths_and_repeats_with_its_generator(keypoint):
    found = [
        UniformRotation(0.3)({'keypoint': keypoint, 'rng': np.random.default_rng(3)})['keypoint']
        for _ in range(2)
    ]
    assert np.array_equal(*found)
    assert not np.allclose(found[0], keypoint, atol=1e-3)
    lengths = [np.linalg.norm(x, axis=-1) for x in (found[0], keypoint)]
    assert np.allclose(*lengths, atol=1e-5)


def test_file_that_was_normalised_by_the_converter_is_refused(keypoint):
    sample = {'keypoint': keypoint, 'layout': 'ntu', 'normalized': True, 'frame_dir': 'S001'}
    with pytest.raises(InputError, match=r'S001 was normalised.*TranslateToStart needs raw'):
        TranslateToStart()(sample)
