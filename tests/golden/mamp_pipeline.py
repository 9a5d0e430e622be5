"""Preprocessing of MAMP against recordings of its released code."""

import numpy as np

from mmcmd.datasets.transforms import (
    TemporalCropResize,
    TranslateToStart,
    drop_empty_frames,
    resize_frames,
    rotate,
    translate_to_start,
)
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, different

PIPELINE = {
    'valid frames': (0, different),
    'preprocessing': (1e-5, absolute),
    'crops': (1e-5, absolute),
    'transforms': (1e-5, absolute),
}


def run_mamp_pipeline(recording: Recording) -> Report:
    """Run preprocessing, crops and rotation of MAMP.

    Args:
        recording (Recording): ``mamp_pipeline.npz``.
    """
    report = Report(PIPELINE, required=PIPELINE)
    config, ends = recording.config, recording['num_frames'].cumsum()
    crop = TemporalCropResize(config['test_share'])
    sequences = []
    for index, end in enumerate(ends):
        frames = slice(end - recording['num_frames'][index], end)
        persons = int(recording['num_person'][index])
        raw, expected = (
            recording[name][frames].astype(np.float32).reshape(-1, 2, 25, 3).swapaxes(0, 1)
            for name in ('raw', 'translated')
        )
        moved = translate_to_start(raw[:persons], 1)
        report.add('preprocessing', f'translated[{index}]', moved, expected[:persons])
        valid = drop_empty_frames(moved)
        count = recording['valid_frames'][index]
        report.add('valid frames', f'valid_frames[{index}]', valid.shape[1], count)
        found = TranslateToStart()({'keypoint': raw, 'layout': 'ntu'})['keypoint']
        report.add('preprocessing', f'TranslateToStart {index}', found, valid)
        sequences.append(valid)
        results = {'keypoint': valid, 'clip_len': config['clip_len']}
        found = crop(results)['keypoint']
        report.add('crops', f'centre_crop[{index}]', *_pair(found, recording['centre_crop'][index]))
    crop = TemporalCropResize((config['min_share'], 1.0))
    for index, (number, share, start) in enumerate(recording['crop_records']):
        valid = sequences[int(number)]
        _, kept = crop.crop(valid.shape[1], _Share(share))
        piece = valid[:, int(start) : int(start) + kept]
        found = resize_frames(piece, config['clip_len'])
        expected = recording['crops'][index]
        report.add('crops', f'crops[{index}]', *_pair(found, expected))
        turned = rotate(expected.transpose(3, 1, 2, 0), np.degrees(recording['angles'][index]))
        found = turned.transpose(3, 1, 2, 0)
        report.add('transforms', f'rotated[{index}]', found, recording['rotated'][index])
    return report


class _Share:
    """Returns the recorded number instead of a random one."""

    def __init__(self, share: float) -> None:
        self.share = float(share)

    def random(self) -> float:
        return self.share


def _pair(found: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two clips (M, T, V, C) with the persons of our clip."""
    return found, expected.transpose(3, 1, 2, 0)[: len(found)]
