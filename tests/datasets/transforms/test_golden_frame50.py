"""Transforms of SkeletonCLR, CrosSCLR and AimCLR against arrays that their released code made."""

import numpy as np
import pytest

from mmcmd.datasets.transforms import (
    NormalizePersons,
    add_noise,
    blur_time,
    flip_joints,
    flip_time,
    mask_axis,
    mirror_crop,
    rotate,
    shear,
)
from mmcmd.datasets.transforms.persons import count_valid_frames
from mmcmd.skeletons import get_layout

PADDING = 50 // 6
MIRRORED = get_layout('ntu').mirrored
RECORDED = {
    'shear': ('matrix', shear),
    'crop': ('start', lambda x, start: mirror_crop(x, start, PADDING)),
    'rotate': ('degrees', rotate),
    'blur': ('sigma', blur_time),
    'axis_mask': ('axis', mask_axis),
}


@pytest.fixture(scope='module')
def golden(shared):
    return dict(np.load(shared / 'golden' / 'methods' / 'frame50_transforms.npz'))


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('name', RECORDED)
@pytest.mark.parametrize('dtype', [np.float64, np.float32])
def test_each_recorded_draw_gives_the_recorded_array(golden, name, dtype):
    record, transform = RECORDED[name]
    draws, expected = golden[f'{name}/{record}'], golden[f'{name}/output']
    assert len(draws) == len(expected) >= 3
    for draw, array in zip(draws, expected, strict=True):
        found = transform(golden['input'].astype(dtype), draw)
        assert found.dtype == dtype
        assert_close(found, array)


def test_flips_and_noise_give_the_recorded_arrays(golden):
    keypoint = golden['input']
    assert_close(flip_joints(keypoint, MIRRORED), golden['spatial_flip/output'])
    assert_close(flip_time(keypoint), golden['time_flip/output'])
    assert_close(add_noise(keypoint, golden['noise/noise']), golden['noise/output'])


@pytest.mark.parametrize('name', ['extreme', 'extreme_with_time_flip'])
def test_the_whole_extreme_chain_gives_the_recorded_array(golden, name):
    x = mirror_crop(golden['input'], golden[f'{name}/start'], PADDING)
    x = shear(x, golden[f'{name}/shear_matrix'])
    x = flip_joints(x, MIRRORED)
    x = rotate(x, golden[f'{name}/degrees'])
    x = add_noise(x, golden['noise/noise'])
    x = blur_time(x, golden[f'{name}/sigma'])
    x = mask_axis(x, golden[f'{name}/axis'])
    x = flip_time(x) if name.endswith('time_flip') else x
    assert_close(x, golden[f'{name}/output'])


def test_preprocessing_gives_the_recorded_positions(golden):
    ends = np.cumsum(golden['num_frames'])[:-1]
    sequences = [x.swapaxes(0, 1) for x in np.split(golden['preprocess/raw'], ends)]
    lengths = [count_valid_frames(x) for x in sequences]
    assert lengths == golden['preprocess/valid_frames'].tolist()
    for keypoint, expected in zip(sequences, golden['preprocess/position'], strict=True):
        sample = {'keypoint': keypoint, 'layout': 'ntu', 'clip_len': 50}
        assert_close(NormalizePersons()(sample)['keypoint'], expected)
