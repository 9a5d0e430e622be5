"""Key points with a confidence are distinguished from coordinates in space."""

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.datasets.converters.confidence import looks_like_confidence
from mmcmd.errors import InputError

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(50, 600, size=(9, 17, 2)).astype(np.float32)
SCORES = RNG.uniform(0.2, 0.9, size=(9, 17)).astype(np.float32)
SCORES[0, 3], SCORES[4, 5] = 0, 0.25
BOTH = np.concatenate([POINTS, SCORES[..., None]], axis=-1)


@pytest.fixture
def run(tmp_path):
    """Return a function: arrays of an archive, options -> its two sequences, or why not."""

    def run(keypoint, layout='coco', options=(), **arrays):
        frames = np.array([4, len(keypoint) - 4])
        path = tmp_path / 'mine.npz'
        np.savez(path, keypoint=keypoint, total_frames=frames, label=np.array([0, 1]), **arrays)
        summary = convert('npz', path, tmp_path / 'a.pkl', layout=layout, **dict(options))
        assert not summary.skipped
        return load_annotations(tmp_path / 'a.pkl')['annotations']

    return run


def check(samples, missing):
    """Compare with the points; some of the joints (9, 17) are missing."""
    expected = np.where(missing[..., None], 0, POINTS)
    for sample, part in zip(samples, (slice(0, 4), slice(4, 9)), strict=True):
        np.testing.assert_array_equal(sample['keypoint'], expected[None, part])
        np.testing.assert_array_equal(sample['keypoint_score'], SCORES[None, part])


def test_third_number_in_0_to_1_beside_pixels_is_a_confidence(run):
    check(run(BOTH), SCORES == 0)


def test_confidences_may_stand_in_an_array_of_their_own(run):
    check(run(POINTS, keypoint_score=SCORES), SCORES == 0)


def test_joints_below_a_given_confidence_are_missing(run):
    check(run(BOTH, options={'confidence': 0.3}), SCORES <= 0.3)
    check(run(POINTS, options={'confidence': 0.3}, keypoint_score=SCORES), SCORES <= 0.3)


def test_option_or_archive_say_which_it_is(run):
    for samples in (
        run(BOTH, options={'dimensions': 3}),
        run(BOTH, dimensions=np.array(3)),
    ):
        assert samples[0]['keypoint'].shape == (1, 4, 17, 3)
        assert 'keypoint_score' not in samples[0]
    small = BOTH / [100, 100, 1]  # not pixels, so the numbers cannot decide
    assert run(small)[0]['keypoint'].shape[-1] == 3
    for samples in (run(small, options={'dimensions': 2}), run(small, dimensions=np.array([2]))):
        assert samples[0]['keypoint'].shape[-1] == 2
        assert samples[0]['keypoint_score'].shape == (1, 4, 17)


def test_coordinates_in_space_are_never_taken_for_confidences():
    metres = RNG.normal(size=(5, 17, 3)) * [1, 1, 0.1] + [0, 0, 0.5]
    assert not looks_like_confidence(metres)
    assert not looks_like_confidence(RNG.normal(size=(5, 17, 3)) * 900)  # millimetres
    assert not looks_like_confidence(POINTS)
    assert not looks_like_confidence(np.zeros((0, 17, 3)))


def test_layout_that_turns_bodies_does_not_fit_key_points(tmp_path):
    keypoint = np.pad(BOTH, ((0, 0), (0, 8), (0, 0)), mode='edge')
    np.savez(tmp_path / 'm.npz', keypoint=keypoint, total_frames=np.array([9]))
    with pytest.raises(InputError, match='as a confidence does: give a layout without spine'):
        convert('npz', tmp_path / 'm.npz', tmp_path / 'a.pkl', layout='ntu')


@pytest.mark.parametrize(
    ('options', 'arrays', 'message'),
    [
        ({'dimensions': 4}, {}, 'dimensions must be 2 or 3, got 4'),
        ({'confidence': 1.0}, {}, r'confidence 1 must lie in \[0, 1\)'),
        ({'confidence': 0.5, 'dimensions': 3}, {}, 'needs points of 2 dimensions'),
        ({}, {'dimensions': np.array(4)}, 'dimensions must be the number 2 or 3'),
        ({}, {'dimensions': np.array([2, 2])}, 'dimensions must be the number 2 or 3'),
        ({}, {'keypoint_score': SCORES[:, :5]}, 'keypoint_score must be numbers of the shape'),
    ],
)
def test_what_makes_no_sense_is_told(run, options, arrays, message):
    with pytest.raises(InputError, match=message):
        run(BOTH, options=options, **arrays)


def test_table_names_confidences_in_its_header(tmp_path):
    folder = tmp_path / 'tables'
    folder.mkdir()
    for name, axes in (('told', 'xyc'), ('seen', 'xyz')):
        header = ','.join(f'{axis}{joint}' for joint in range(17) for axis in axes)
        rows = [','.join(map(repr, frame.ravel().tolist())) for frame in BOTH]
        (folder / f'{name}.csv').write_text('\n'.join([header, *rows]))
    convert('csv', folder, tmp_path / 'a.pkl', layout='coco', strict=True)
    for sample in load_annotations(tmp_path / 'a.pkl')['annotations']:
        np.testing.assert_array_equal(
            sample['keypoint'][0], np.where(SCORES[..., None] == 0, 0, POINTS)
        )
        np.testing.assert_array_equal(sample['keypoint_score'][0], SCORES)
