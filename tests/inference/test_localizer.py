"""The localizer finds a motion at its place in a long recording."""

import itertools

import numpy as np
import pytest

from mmcmd.errors import InputError
from mmcmd.inference import (
    MotionLocalizer,
    MotionRetriever,
    PickleRecordings,
    SkeletonEncoderInferencer,
    encode_windows,
    from_array,
    label_timeline,
    sliding_windows,
    suppress,
)


@pytest.fixture(scope='module')
def encoder(encoder_file):
    return SkeletonEncoderInferencer(encoder_file, 'cpu', show_progress=False)


@pytest.fixture(scope='module')
def parts(tiny_pickle):
    """Return six sequences."""
    return [PickleRecordings(tiny_pickle)[row] for row in (0, 1, 2, 3, 5, 6)]


@pytest.fixture(scope='module')
def long(parts):
    return np.concatenate([x.keypoint for x in parts], axis=1)


@pytest.mark.parametrize(
    ('frames', 'length', 'stride', 'expected'),
    [
        (10, 4, 3, [(0, 4), (3, 7), (6, 10)]),
        (11, 4, 3, [(0, 4), (3, 7), (6, 10), (7, 11)]),
        (3, 4, 3, [(0, 3)]),
        (4, 4, 9, [(0, 4)]),
    ],
)
def test_windows_cover_a_recording_to_its_end(frames, length, stride, expected):
    assert sliding_windows(frames, length, stride).tolist() == [list(x) for x in expected]


def test_windows_need_a_length():
    with pytest.raises(InputError, match='at least 1, got 0 and 2'):
        sliding_windows(5, 0, 2)


def test_of_segments_that_overlap_the_best_is_kept():
    segments = np.array([[0, 10], [1, 11], [20, 30], [26, 36], [9, 19]])
    scores = np.array([0.5, 0.9, 0.3, 0.4, 0.1])
    # The intersection of [26, 36] and [20, 30] is 4 of 16 frames.
    assert suppress(segments, scores, 0.3, 9).tolist() == [1, 3, 2, 4]
    assert suppress(segments, scores, 0.2, 9).tolist() == [1, 3, 4]
    assert suppress(segments, scores, 0.2, 2).tolist() == [1, 3]


def test_windows_have_the_features_of_their_frames(encoder, long):
    windows = encode_windows(encoder, from_array(long, 'long'), [12, 20], 0.5)
    start, end = windows.segments[3]
    alone = encoder(long[:, start:end])
    np.testing.assert_allclose(windows.features['bone'][3], alone['bone'][0], atol=1e-6)
    assert {*np.diff(windows.segments)[:, 0]} == {12, 20}
    assert windows.num_frames == windows.segments.max() == long.shape[1]


def test_sequence_is_found_where_it_was_put(encoder, parts, long):
    starts = np.cumsum([0] + [x.num_frames for x in parts])
    localizer = MotionLocalizer(encoder, scales=[1.0], stride=0.05)
    for part, start in zip(parts, starts, strict=False):
        best, *others = localizer(part, long, k=3)
        assert abs(best.start - start) <= 2
        assert best.end - best.start == part.num_frames
        assert best.similarity > max(x.similarity for x in others)
    assert localizer(parts[0], long, least=2.0) == []


def test_matches_do_not_overlap_more_than_allowed(encoder, parts, long):
    matches = MotionLocalizer(encoder, max_iou=0.0)(parts[1:3], long, k=20, stream='joint')
    spans = sorted((x.start, x.end) for x in matches)
    assert len(spans) > 2
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_frames_without_a_body_are_not_searched(encoder, parts, long):
    empty = np.zeros_like(long[:, :60])
    gap = np.concatenate([empty, long, empty], axis=1)
    matches = MotionLocalizer(encoder)(parts[0], gap, k=100)
    assert all(gap[:, x.start : x.end].any() for x in matches)


def test_timeline_gives_the_neighbours_of_each_window(encoder, tiny_pickle, long):
    retriever = MotionRetriever(encoder, tiny_pickle)
    line = label_timeline(retriever, long, length=20, k=2)
    assert [(x.start, x.end) for x in line] == [
        tuple(x) for x in sliding_windows(long.shape[1], 20, 10)
    ]
    match = line[1]
    assert retriever(long[:, match.start : match.end], k=2)[0] == match.neighbours
    assert match.similarity == match.neighbours[0].similarity


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'scales': []}, 'one or more numbers above 0'),
        ({'max_iou': 2}, r'must lie in \[0, 1\]'),
        ({'stride': 0}, r'stride=0 must lie in \(0, 1\]'),
    ],
)
def test_wrong_option_is_told(encoder, long, options, message):
    with pytest.raises(InputError, match=message):
        MotionLocalizer(encoder, **options)(long[:, :20], long)


def test_several_long_recordings_are_told(encoder, long):
    with pytest.raises(InputError, match='expected one long recording, got 2'):
        MotionLocalizer(encoder)(long[:, :20], [long, long])
    with pytest.raises(InputError, match='at least one example'):
        MotionLocalizer(encoder)([], long)
