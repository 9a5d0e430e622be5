"""Pipelines check a recording that comes from Python instead of a file."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose

from mmcmd.errors import InputError

PIPELINES = 'ascal', 'cmd', 'frame50', 'ms2l', 'small'


@pytest.fixture(params=PIPELINES)
def encode(request, root, mmcmd_scope):
    """Return a function: an array -> what a test pipeline makes of it."""
    cfg = Config.fromfile(root / f'configs/_base_/pipelines/{request.param}.py')
    pipeline = Compose(cfg.test_pipeline)

    def run(keypoint):
        sample = dict(keypoint=keypoint, label=0, frame_dir='wave_01', sample_idx=0)
        rng = np.random.default_rng(0)
        return pipeline(sample | dict(layout='ntu', clip_len=cfg.clip_len, rng=rng))['inputs']

    return run


@pytest.fixture
def keypoint():
    return np.random.default_rng(0).normal(size=(1, 20, 25, 3)).astype(np.float32)


def test_whole_recording_is_taken(encode, keypoint):
    assert np.isfinite(np.asarray(encode(keypoint))).all()


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (lambda x: x[:, :0], 'wave_01.*(no empty axis|no valid frame)'),
        (lambda x: np.where(np.arange(20)[:, None, None] == 3, np.nan, x), 'wave_01: .*holds NaN'),
        (lambda x: x[0], r'wave_01.*must have shape \(M, T, V, C\)'),
        (lambda x: x.astype(str), 'wave_01: `keypoint` must be an array of numbers'),
        (lambda x: x[:, :, :20], 'wave_01: `keypoint` has 20 joints, the layout 25'),
    ],
)
def test_what_is_no_recording_is_told_by_name(spoil, reason, encode, keypoint):
    with pytest.raises(InputError, match=reason):
        encode(spoil(keypoint))
