"""Frames of SLiM's views: chosen in order, from the range of a global view."""

import numpy as np
import pytest

from mmcmd.datasets.transforms import (
    CentreFrames,
    MirrorFrames,
    RandomFrames,
    TranslateToStart,
    centre_choice,
    choose_frames,
    choose_piece,
    mirror_to_length,
)
from mmcmd.errors import InputError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def numbered(frames):
    """Return one person whose coordinates are the number of the frame."""
    return np.broadcast_to(np.arange(frames, dtype='f4')[None, :, None, None], (1, frames, 25, 3))


def test_short_sequence_is_played_forward_and_backward():
    found = mirror_to_length(numbered(4), 10)[0, :, 0, 0]
    assert found.tolist() == [*range(4), *reversed(range(4)), *range(4)]
    assert mirror_to_length(numbered(12), 10).shape[1] == 12


def test_frames_are_taken_whole_thinned_or_one_of_each_stretch(rng):
    assert choose_frames(5, 8, rng).tolist() == [*range(5)]
    for length in (8, 11, 15):
        found = choose_frames(length, 8, rng)
        assert len(found) == 8
        assert set(np.diff(found)) <= {1, 2}
        assert 0 <= found[0] <= found[-1] < length
    for length in (16, 43):
        bounds = [i * length // 8 for i in range(9)]
        for _ in range(20):
            found = choose_frames(length, 8, rng)
            assert all(a <= x < b for a, x, b in zip(bounds, found, bounds[1:], strict=False))


def test_every_frame_of_a_stretch_is_chosen_at_times(rng):
    chosen = {int(choose_frames(24, 8, rng)[2]) for _ in range(100)}
    assert chosen == {6, 7, 8}


@pytest.mark.parametrize(('window', 'least'), [(64, 16), (32, 16), (16, 16), (8, 8), (2, 8)])
def test_piece_has_a_least_number_of_frames(rng, window, least):
    found = choose_piece((10, 50), 100, window, (0.05, 0.05), rng)
    assert 10 <= found[0] <= found[-1] < min(50, found[0] + least)
    assert len(found) == min(window, least)
    short = choose_piece((10, 10 + least - 1), 100, window, (1.0, 1.0), rng)
    assert short[-1] >= 10 + least  # of the whole sequence


def views_of(frames, rng, **options):
    results = {'keypoint': numbered(frames), 'clip_len': 64, 'rng': rng, 'real_frames': frames}
    results = RandomFrames(ratio=(0.5, 1.0), num_views=2)(results)
    return results, RandomFrames(**options)(dict(results))['keypoint'][0, :, 0, 0]


def test_local_views_lie_in_the_range_of_their_global_view(rng):
    for _ in range(20):
        results, found = views_of(300, rng, ratio=(0.35, 0.7), divide=2, within=1)
        frames = results['chosen_frames'][1]
        assert len(found) == 32
        assert frames[0] <= found[0] <= found[-1] <= frames[-1]


def test_global_view_takes_the_frames_that_were_chosen(rng):
    results, found = views_of(300, rng, take=0)
    assert found.tolist() == results['chosen_frames'][0].tolist()
    assert len(found) == 64


def test_mirrored_frames_are_not_chosen_unless_there_are_too_few(rng):
    for frames, whole in ((20, False), (10, True)):
        results = {'keypoint': numbered(frames), 'clip_len': 16, 'rng': rng}
        results = MirrorFrames(150)(results)
        assert results['real_frames'] == frames
        chosen = [RandomFrames(ratio=(1.0, 1.0)).choose(results)[-1] for _ in range(10)]
        assert (max(chosen) >= frames) == whole


def test_test_clip_is_the_centre_and_may_end_in_mirrored_frames():
    frames = centre_choice(200, 64, 0.95)
    assert frames[0] == 5
    assert frames.tolist() == [5 + i * 190 // 64 for i in range(64)]
    assert centre_choice(64, 64, 0.95).tolist() == [*range(1, 65)]
    results = MirrorFrames(150)({'keypoint': numbered(64), 'clip_len': 64})
    assert CentreFrames()(results)['keypoint'][0, -2:, 0, 0].tolist() == [63, 63]


@pytest.mark.parametrize('frames', [64, 40])
def test_sequence_without_mirrored_frames_is_tested_too(frames):
    results = {'keypoint': numbered(frames), 'clip_len': 64}
    assert CentreFrames()(results)['keypoint'].shape == (1, 64, 25, 3)


@pytest.mark.parametrize('options', [{}, {'ratio': (0.5, 1.2)}, {'ratio': (0.5, 1.0), 'take': 0}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InputError, match='RandomFrames takes a ratio that is ascending'):
        RandomFrames(**options)


def test_empty_frames_inside_a_sequence_are_left_out():
    rng = np.random.default_rng(0)
    keypoint = rng.normal(size=(2, 6, 25, 3)).astype('f4')
    keypoint[:, 2] = 0
    expected = np.delete(keypoint - keypoint[0, 0, 1], 2, axis=1)
    found = TranslateToStart(anywhere=True)({'keypoint': keypoint, 'layout': 'ntu'})['keypoint']
    np.testing.assert_array_equal(found, expected)
