"""Frames, augmentations and masks of SLiM against recordings of its released code."""

import numpy as np
import torch

from mmcmd.datasets.transforms import (
    centre_choice,
    choose_piece,
    drop_empty_frames,
    flip_joints,
    limb_tree,
    mirror_to_length,
    resize_frames,
    rotate,
    scale_limbs,
)
from mmcmd.models.tokens import TubeMask
from mmcmd.skeletons import get_layout
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, different

PIPELINE = {
    'valid frames': (0, different),
    'frames': (0, different),
    'clips': (1e-6, absolute),
    'transforms': (1e-6, absolute),
}
MASKS = {
    # Of 4000 recorded draws and as many of ours; the deviation of one difference is 0.011.
    'frequencies': (0.055, absolute),
    'masked share': (0.004, absolute),
    'incomplete masks': (0.06, absolute),
}
RATIOS = {64: (0.5, 1.0), 32: (0.35, 0.7), 16: (0.15, 0.4), 8: (0.05, 0.2)}
"""Frames of a view, and the shares of the frames that it covers."""


def run_slim_pipeline(recording: Recording) -> Report:
    """Run the choice of frames and the augmentations.

    Args:
        recording (Recording): ``slim_pipeline.npz``.
    """
    report = Report(PIPELINE, required=PIPELINE)
    ends = recording['num_frames'].cumsum()
    for index, end in enumerate(ends):
        raw = recording['raw'][end - recording['num_frames'][index] : end].astype(np.float32)
        valid = drop_empty_frames(_ours(raw), anywhere=True)
        length, count = valid.shape[1], recording['valid_frames'][index]
        report.add('valid frames', f'valid_frames[{index}]', length, count)
        buffer = mirror_to_length(valid, 150)
        count = recording['buffer_frames'][index]
        report.add('valid frames', f'buffer_frames[{index}]', buffer.shape[1], count)
        if f'buffer/{index}' in recording.arrays:
            expected = _ours(recording[f'buffer/{index}'])
            report.add('clips', f'buffer/{index}', buffer[:1], expected)
        expected = recording['test_frames'][index]
        frames = centre_choice(length, len(expected), 0.95)
        report.add('frames', f'test_frames[{index}]', frames, expected[expected >= 0])
        if index < len(recording['test_clip']):
            clip = resize_frames(buffer[:, frames], len(expected))
            expected = recording['test_clip'][index].transpose(3, 1, 2, 0)
            report.add('clips', f'test_clip[{index}]', clip, expected)
    for index, row in enumerate(recording['clip_records']):
        _compare_piece(report, index, row)
    _compare_geometry(report, recording)
    return report


def _ours(frames: np.ndarray) -> np.ndarray:
    """Return recorded frames (T, V, M, C) as (M, T, V, C)."""
    return frames.transpose(2, 0, 1, 3)


class _Given:
    """Gives the recorded numbers first, and then random ones."""

    def __init__(self, *numbers: float) -> None:
        self.numbers, self.rng = list(numbers), np.random.default_rng(0)

    def random(self, size: int | None = None) -> float | np.ndarray:
        return self.numbers.pop(0) if self.numbers and size is None else self.rng.random(size)

    def permutation(self, number: int) -> np.ndarray:
        return self.rng.permutation(number)


def _compare_piece(report: Report, index: int, row: np.ndarray) -> None:
    """Compare a random piece: its start, its number of frames, and that they lie inside.

    The choice of frames inside is random, so only the range of first and last frame is compared.
    """
    window, length, share, start, taken, first, last = row.tolist()
    window, low_high = int(window), RATIOS[int(window)]
    size = int(length)
    kept = min(max(int(size * (low_high[0] + (low_high[1] - low_high[0]) * share)), 1), size)
    kept = min(max(kept, max(8, min(16, window))), size)
    given = _Given(share, (start + 0.5) / (size - kept + 1))
    frames = choose_piece((0, size), size, window, low_high, given)
    report.add('frames', f'clip_records[{index}] taken', len(frames), taken)
    inside = [start <= x < start + kept for x in (first, last, frames[0], frames[-1])]
    report.add('frames', f'clip_records[{index}] inside', inside, [True] * 4)
    # A stretch, or one frame that is left out.
    edge = kept // window + 1 if kept >= 2 * window else 1
    near = [abs(frames[0] - first) <= edge, abs(frames[-1] - last) <= edge]
    report.add('frames', f'clip_records[{index}] ends', near, [True] * 2)
    if kept < window:
        report.add('frames', f'clip_records[{index}]', [frames[0], frames[-1]], [first, last])


def _compare_geometry(report: Report, recording: Recording) -> None:
    """Compare limb lengths, rotation and mirror."""
    given = recording['geometry/input'].transpose(3, 1, 2, 0)
    parents, limbs = limb_tree(get_layout('ntu'))
    scales = recording['geometry/scales'][:, limbs]
    x, z, y = recording['geometry/angles']
    # Our angles turn the other way, which makes no difference to random ones.
    turned = rotate(given.astype(np.float64), -np.degrees([x, y, z]))
    mirrored = flip_joints(given, get_layout('ntu').mirrored, mirror_axis=0)
    for name, found in (
        ('scaled', scale_limbs(given, parents, scales, in_index_order=True)),
        ('rotated', turned),
        ('flipped', mirrored),
    ):
        expected = recording[f'geometry/{name}'].transpose(3, 1, 2, 0)
        report.add('transforms', f'geometry/{name}', found, expected)


def run_slim_masks(recording: Recording) -> Report:
    """Compare the distribution of our masks with that of the released generator.

    Args:
        recording (Recording): ``slim_masks.npz``.
    """
    report, masking = Report(MASKS, required=MASKS), TubeMask()
    generator, draws = torch.Generator().manual_seed(0), int(recording['draws'])
    for steps in (8, 4, 2, 1):
        for index, fraction in enumerate(recording['fractions']):
            wanted = int(steps * masking.num_joints * fraction)
            counts = torch.full((draws,), wanted)
            masks = masking(counts, steps, torch.rand(200, draws, 5, generator=generator)).double()
            where, share = f'{steps}, {fraction}', masks.mean(dim=(1, 2))
            short = (masks.sum(dim=(1, 2)) < wanted).double().mean()
            for kind, name, found in (
                ('frequencies', 'frequency', masks.mean(dim=0)),
                ('masked share', 'mean', share.mean()),
                ('masked share', 'std', share.std()),
                ('incomplete masks', 'short', short),
            ):
                expected = recording[f'{steps}/{name}'][index]
                report.add(kind, f'{name} of {where}', found, expected)
    return report
