"""The preprocessing of P&C."""

import numpy as np
import pytest

from mmcmd.datasets.transforms import (
    FirstPersons,
    StrideFrames,
    ViewInvariant,
    scale_to_range,
    stride_frames,
    view_invariant,
)
from mmcmd.errors import InputError
from mmcmd.skeletons import LAYOUTS, get_layout

NTU = get_layout('ntu')


@pytest.fixture
def keypoint():
    return np.random.default_rng(0).normal(size=(1, 9, 25, 3))


def rotation(seed):
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


def test_first_frame_stands_upright_and_faces_one_way(keypoint):
    first = view_invariant(keypoint, NTU)[0, 0]
    np.testing.assert_allclose(first[0], 0, atol=1e-12)
    np.testing.assert_allclose(first[1, :2], 0, atol=1e-12)
    assert first[1, 2] > 0
    hips = first[12] - first[16]
    assert hips[0] > 0
    assert hips[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize('name', ['ntu', 'kinect_v1'])
def test_camera_makes_no_difference(keypoint, name):
    layout = get_layout(name)
    keypoint = keypoint[:, :, : layout.num_joints]
    moved = keypoint @ rotation(1) + np.array([3.0, -2.0, 1.0])
    np.testing.assert_allclose(
        view_invariant(moved, layout), view_invariant(keypoint, layout), atol=1e-9
    )
    # Distances do not change, and later frames have the same motion as the first one.
    found = view_invariant(keypoint, layout)
    before = np.linalg.norm(keypoint[0, 5, 3] - keypoint[0, 0, 0])
    assert np.linalg.norm(found[0, 5, 3] - found[0, 0, 0]) == pytest.approx(before)


def test_layout_without_spine_is_moved_only():
    layout = get_layout('bandai2')
    keypoint = np.random.default_rng(0).normal(size=(1, 4, layout.num_joints, 3))
    found = view_invariant(keypoint, layout)
    np.testing.assert_allclose(found, keypoint - keypoint[0, 0, layout.centre])


def test_incomplete_frames_are_dropped_and_a_sequence_without_others_is_named(keypoint):
    keypoint[0, 2, 7, 1] = 0
    keypoint[0, 5] = 0
    assert view_invariant(keypoint, NTU).shape[1] == 7
    keypoint[0, :, 3] = 0
    sample = {'keypoint': keypoint, 'layout': 'ntu', 'frame_dir': 'S007'}
    with pytest.raises(InputError, match='S007: every frame has a coordinate that is exactly 0'):
        ViewInvariant()(sample)


def test_every_coordinate_is_scaled_to_the_same_range(keypoint):
    keypoint[..., 2] = 5
    found = scale_to_range(keypoint)
    assert found[..., :2].min(axis=(0, 1, 2)).tolist() == pytest.approx([-1, -1])
    assert found[..., :2].max(axis=(0, 1, 2)).tolist() == pytest.approx([1, 1])
    assert (found[..., 2] == -1).all()  # no division by 0


@pytest.mark.parametrize(
    ('length', 'expected'),
    [
        (99, range(50)),
        (100, range(0, 100, 2)),
        (50, range(50)),
        (49, range(49)),
        (151, range(0, 150, 3)),
    ],
)
def test_long_sequences_are_thinned_by_a_whole_stride(length, expected):
    keypoint = np.arange(length, dtype=float)[None, :, None, None]
    assert stride_frames(keypoint, 50).ravel().tolist() == list(expected)
    sample = StrideFrames()({'keypoint': keypoint, 'clip_len': 50})
    assert np.array_equal(sample['keypoint'], stride_frames(keypoint, 50))


def test_sample_is_one_person_in_float32(keypoint):
    sample = {'keypoint': np.concatenate([keypoint, 0 * keypoint]), 'layout': 'ntu'}
    found = ViewInvariant()(FirstPersons()(sample))['keypoint']
    assert (found.shape, found.dtype) == ((1, 9, 25, 3), np.float32)
    np.testing.assert_allclose(found, scale_to_range(view_invariant(keypoint, NTU)), atol=1e-6)


def test_hips_of_the_layouts_are_the_left_and_the_right_one():
    for layout in LAYOUTS.values():
        if layout.hips:
            names = [layout.joints[i] for i in layout.hips]
            assert names == ['hip_left', 'hip_right']
