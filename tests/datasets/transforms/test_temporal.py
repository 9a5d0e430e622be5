import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmcmd.datasets.transforms import PadFrames, ResizeFrames, TemporalCropResize, resize_frames
from mmcmd.errors import InputError


@pytest.mark.parametrize('length', [1, 2, 5, 31, 64, 65, 300])
def test_resize_is_torch_s_linear_interpolation(length):
    keypoint = np.random.default_rng(length).normal(size=(2, length, 4, 3)).astype(np.float32)
    flat = torch.from_numpy(keypoint).permute(0, 2, 3, 1).flatten(1, 2)
    expected = F.interpolate(flat, size=64, mode='linear', align_corners=False)
    expected = expected.unflatten(1, (4, 3)).permute(0, 3, 1, 2)
    found = resize_frames(keypoint, 64)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32


def test_resized_frames_are_a_copy_even_where_nothing_is_to_resize():
    keypoint = np.ones((1, 8, 4, 3), np.float32)
    for num_frames in (4, 8, 16):
        resize_frames(keypoint, num_frames)[:] = 7
    assert (keypoint == 1).all()


def crops(length, ratio, clip_len, min_frames=64, count=2000):
    """Return (first frame, length) of many random crops, and checks that they are cut so."""
    transform = TemporalCropResize(ratio, min_frames=min_frames)
    keypoint = np.arange(length, dtype=np.float32)[None, :, None, None]
    found = []
    for seed in range(count):
        sample = transform(
            {'keypoint': keypoint, 'clip_len': clip_len, 'rng': np.random.default_rng(seed)}
        )
        first, kept = sample['crop']
        assert sample['keypoint'].shape == (1, clip_len, 1, 1)
        frames = sample['keypoint'].ravel()
        assert first <= frames[0] <= frames[-1] <= first + kept - 1
        assert frames.mean() == pytest.approx(first + (kept - 1) / 2, abs=1e-3)
        found.append((first, kept))
    return np.array(found).T


def test_crop_length_is_the_floor_of_a_uniform_share():
    first, kept = crops(100, (0.1, 1.0), clip_len=5, min_frames=5)
    assert kept.min() == 10
    assert kept.max() == 99
    # All lengths from 10 to 99 are equally likely: 22 of each are expected.
    counts = np.bincount(kept, minlength=100)[10:]
    assert counts.sum() == 2000
    chi2 = ((counts - 2000 / 90) ** 2 / (2000 / 90)).sum()
    assert chi2 < 150, 'over 10 standard deviations would be 220; 89 is expected'
    assert (first + kept <= 100).all()
    # The start is uniform over all starts that fit.
    share = (first + 0.5) / (100 - kept + 1)
    assert abs(share.mean() - 0.5) < 0.03
    assert abs(np.mean(share < 0.25) - 0.25) < 0.04
    assert (first == 0).any()
    assert (first + kept == 100).any()


def test_crop_has_64_frames_where_the_sequence_has_them():
    _, kept = crops(100, (0.1, 1.0), clip_len=16)
    assert kept.min() == 64
    # U(0.1, 1) falls below 0.65 with probability 11/18: all of those give 64 frames.
    assert np.mean(kept == 64) == pytest.approx(0.55 / 0.9, abs=0.04)


@pytest.mark.parametrize('length', [1, 3, 64])
def test_short_sequence_is_kept_whole(length):
    first, kept = crops(length, (0.1, 1.0), clip_len=64, count=20)
    assert (first == 0).all()
    assert (kept == length).all()


def test_one_ratio_is_the_same_centre_without_randomness():
    for length, expected in ((100, (2, 96)), (20, (0, 20)), (40, (1, 38)), (7, (0, 7))):
        keypoint = np.arange(length, dtype=np.float64)[None, :, None, None]
        sample = TemporalCropResize(0.95)({'keypoint': keypoint, 'clip_len': 16})
        assert sample['crop'] == expected
        assert sample['keypoint'].mean() == pytest.approx((length - 1) / 2)


@pytest.mark.parametrize('ratio', [0, 1.5, (0.5, 0.2), (0.0, 1.0), (0.5, 1.1)])
def test_impossible_ratio_is_told(ratio):
    with pytest.raises(InputError, match='ratio'):
        TemporalCropResize(ratio)


def test_frames_are_resized_to_the_clip_of_the_sample_or_to_a_number():
    keypoint = np.random.default_rng(0).normal(size=(2, 30, 4, 3)).astype(np.float32)
    for transform, length in ((ResizeFrames(), 12), (ResizeFrames(num_frames=50), 50)):
        found = transform({'keypoint': keypoint, 'clip_len': 12})['keypoint']
        np.testing.assert_array_equal(found, resize_frames(keypoint, length))


def test_padding_is_counted_unless_it_is_to_be_taken_for_frames():
    keypoint = np.ones((2, 3, 4, 3), np.float32)
    for count in (True, False):
        sample = PadFrames(count)({'keypoint': keypoint, 'clip_len': 5})
        assert sample.get('valid_frames') == (3 if count else None)
        assert (sample['keypoint'].any(axis=(0, 2, 3)) == [1, 1, 1, 0, 0]).all()


def test_sequence_without_frames_is_named():
    empty = {'keypoint': np.ones((2, 0, 4, 3)), 'clip_len': 5, 'frame_dir': 'S001'}
    with pytest.raises(InputError, match='S001 has no valid frame; leave it out'):
        PadFrames()(empty)
