"""Compare transforms and preprocessing of both data families with recordings."""

from collections.abc import Callable

import numpy as np

from mmcmd.datasets.transforms import (
    JointCorruption,
    NormalizePersons,
    TemporalCropResize,
    add_noise,
    blur_time,
    flip_joints,
    flip_time,
    mask_axis,
    mirror_crop,
    normalize_skeleton,
    rotate,
    shear,
)
from mmcmd.datasets.transforms.persons import count_valid_frames
from mmcmd.skeletons import get_layout
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute_or_relative, different

LAYOUT = get_layout('ntu')
BOUNDS = {
    'transforms': (1e-5, absolute_or_relative),
    'dtype kept': (0, different),
    'valid frames': (0, different),
    'preprocessing': (1e-5, absolute_or_relative),
    'crops': (1e-5, absolute_or_relative),
    'crop not ours': (0, different),
}


def sequences(recording: Recording, name: str) -> list[np.ndarray]:
    """Cut an array (sum T, M, V, C) into sequences (M, T, V, C)."""
    ends = np.cumsum(recording['num_frames'])[:-1]
    if not len(recording['num_frames']):
        return []
    return [x.swapaxes(0, 1) for x in np.split(recording[name], ends)]


def run_frame50(recording: Recording) -> Report:
    """Run the transforms and the preprocessing of SkeletonCLR, CrosSCLR and AimCLR."""
    kinds = ('transforms', 'dtype kept', 'valid frames', 'preprocessing')
    report = Report(BOUNDS, required=kinds)
    padding = recording['input'].shape[1] // 6
    noise = recording['noise/noise']
    drawn: dict[str, tuple[str, Callable]] = {
        'shear': ('matrix', shear),
        'crop': ('start', lambda x, start: mirror_crop(x, start, padding)),
        'rotate': ('degrees', rotate),
        'blur': ('sigma', blur_time),
        'axis_mask': ('axis', mask_axis),
    }
    fixed: dict[str, Callable] = {
        'spatial_flip': lambda x: flip_joints(x, LAYOUT.mirrored),
        'time_flip': flip_time,
        'noise': lambda x: add_noise(x, noise),
        'isc_shear': lambda x: shear(x, recording['isc_shear/matrix']),
    }
    for name in ('isc_zero', 'isc_mix'):
        fixed[name] = lambda x, name=name: _corrupt(recording, name, x)
    for dtype in (np.float64, np.float32):
        keypoint = recording['input'].astype(dtype)
        for name, (record, transform) in drawn.items():
            found = [transform(keypoint, draw) for draw in recording[f'{name}/{record}']]
            kept = [x.dtype == dtype for x in found]
            report.add('transforms', name, found, recording[f'{name}/output'])
            report.add('dtype kept', name, kept, [True] * len(kept))
        for name, transform in fixed.items():
            report.add('transforms', name, transform(keypoint), recording[f'{name}/output'])
    for name in ('extreme', 'extreme_with_time_flip'):
        found = _extreme(recording, name, padding)
        report.add('transforms', name, found, recording[f'{name}/output'])
    raw, expected = sequences(recording, 'preprocess/raw'), recording['preprocess/position']
    lengths = [count_valid_frames(x) for x in raw]
    report.add('valid frames', 'valid_frames', lengths, recording['preprocess/valid_frames'])
    for index, (keypoint, position) in enumerate(zip(raw, expected, strict=True)):
        sample = {'keypoint': keypoint, 'layout': 'ntu', 'clip_len': position.shape[1]}
        found = NormalizePersons()(sample)['keypoint']
        report.add('preprocessing', f'preprocess/position[{index}]', found, position)
    return report


class _Draws:
    """Returns recorded draws instead of random ones."""

    def __init__(self, joints: np.ndarray, matrix: np.ndarray | None) -> None:
        self.joints, self.matrix = joints, matrix

    def permutation(self, count: int) -> np.ndarray:
        """Return the recorded joints, then the others."""
        return np.concatenate([self.joints, np.setdiff1d(np.arange(count), self.joints)])

    def random(self) -> float:
        """Return the number that selects zeroing if no matrix is recorded, else mixing."""
        return 0.0 if self.matrix is None else 1.0

    def uniform(self, *_: object) -> np.ndarray:
        """Return the recorded matrix."""
        return self.matrix


def _corrupt(recording: Recording, name: str, keypoint: np.ndarray) -> np.ndarray:
    """Zero or mix the recorded joints."""
    return corrupt(keypoint, recording[f'{name}/joints'], recording.arrays.get(f'{name}/matrix'))


def corrupt(keypoint: np.ndarray, joints: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Zero joints of (M, T, V, C), or multiply their coordinates by a matrix (C, C)."""
    draws = _Draws(joints, matrix)
    transform = JointCorruption(len(joints) / keypoint.shape[2], zero_prob=0.5)
    return transform({'keypoint': keypoint, 'rng': draws})['keypoint']


def _extreme(recording: Recording, name: str, padding: int) -> np.ndarray:
    """Apply all augmentations of AimCLR with recorded draws."""
    x = mirror_crop(recording['input'], recording[f'{name}/start'], padding)
    x = shear(x, recording[f'{name}/shear_matrix'])
    x = flip_joints(x, LAYOUT.mirrored)
    x = rotate(x, recording[f'{name}/degrees'])
    x = add_noise(x, recording['noise/noise'])
    x = blur_time(x, recording[f'{name}/sigma'])
    x = mask_axis(x, recording[f'{name}/axis'])
    return flip_time(x) if name.endswith('time_flip') else x


def run_pipeline(recording: Recording) -> Report:
    """Run the preprocessing and the temporal crops of CMD."""
    report = Report(BOUNDS, required=('preprocessing', 'crops', 'crop not ours'))
    normalised, centre_crops = sequences(recording, 'normalised'), recording['centre_crop']
    clip_len = centre_crops.shape[2]
    for index, keypoint in enumerate(sequences(recording, 'raw')):
        found = normalize_skeleton(keypoint, LAYOUT)
        report.add('preprocessing', f'normalised[{index}]', found, normalised[index])
    for index, (keypoint, expected) in enumerate(zip(normalised, centre_crops, strict=True)):
        sample = {'keypoint': keypoint, 'clip_len': clip_len}
        found = TemporalCropResize(0.95)(sample)['keypoint']
        report.add('crops', f'centre_crop[{index}]', found, expected)
    for (index, low, high, first, length), expected in zip(
        recording['crop_records'], recording['crops'], strict=True
    ):
        keypoint = normalised[int(index)]
        transform = TemporalCropResize((low, high))
        transform.crop = lambda *_, piece=(int(first), int(length)): piece
        found = transform({'keypoint': keypoint, 'clip_len': clip_len})['keypoint']
        report.add('crops', f'crops of {int(index)}', found, expected)
        # Our code could also have drawn this crop.
        total = keypoint.shape[1]
        least = min(max(int(total * low), transform.min_frames), total)
        possible = least <= length <= max(least, int(total * high)) and (
            0 <= first <= total - length
        )
        report.add('crop not ours', f'crop_records of {int(index)}', possible, True)
    return report
