"""Preprocessing and temporal crops against arrays that the authors' released code made."""

import numpy as np
import pytest

from mmcmd.datasets.transforms import TemporalCropResize, normalize_skeleton
from mmcmd.skeletons import get_layout


@pytest.fixture(scope='module')
def golden(shared):
    return dict(np.load(shared / 'golden' / 'pipeline.npz'))


@pytest.fixture(scope='module')
def sequences(golden):
    """Return a function: name of an array (sum T, M, V, C) -> its sequences (M, T, V, C)."""
    ends = np.cumsum(golden['num_frames'])[:-1]
    return lambda name: [x.swapaxes(0, 1) for x in np.split(golden[name], ends)]


def test_normalisation_is_the_released_code_s(sequences):
    for raw, expected in zip(sequences('raw'), sequences('normalised'), strict=True):
        found = normalize_skeleton(raw, get_layout('ntu'))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_centre_crop_is_the_released_code_s(golden, sequences):
    transform = TemporalCropResize(0.95)
    for keypoint, expected in zip(sequences('normalised'), golden['centre_crop'], strict=True):
        found = transform({'keypoint': keypoint, 'clip_len': 64})['keypoint']
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_random_crops_are_the_released_code_s(golden, sequences):
    keypoints = sequences('normalised')
    records = zip(golden['crop_records'], golden['crops'], strict=True)
    for (index, low, high, first, length), expected in records:
        keypoint = keypoints[int(index)]
        transform = TemporalCropResize((low, high))
        transform.crop = lambda *_, piece=(int(first), int(length)): piece
        found = transform({'keypoint': keypoint, 'clip_len': 64})['keypoint']
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
        # And it is one that ours could have drawn.
        total = keypoint.shape[1]
        least = min(max(int(total * low), 64), total)
        assert least <= length <= max(least, int(total * high))
        assert 0 <= first <= total - length
