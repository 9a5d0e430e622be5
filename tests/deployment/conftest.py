import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmcmd.io.encoders import describe
from mmcmd.registry import MODELS

NTU = {'name': 'ntu60_xsub', 'split': 'xsub', 'layout': 'ntu', 'num_classes': 4}


@pytest.fixture
def save(root, tmp_path):
    """Return a function: config of a model, pipeline, frames -> checkpoint of random weights."""

    def write(model, pipeline='cmd', clip_len=8):
        init_default_scope('mmcmd')
        torch.manual_seed(0)
        built = MODELS.build({'modalities': ['joint'], **model})
        for name, buffer in built.named_buffers():  # like after a training
            if name.endswith('running_mean'):
                buffer.normal_()
            elif name.endswith('running_var'):
                buffer.uniform_(0.5, 2)
            elif '.whitening.' in name:
                buffer.normal_()
        config = Config.fromfile(root / f'configs/_base_/pipelines/{pipeline}.py')
        config = {'data': NTU, 'clip_len': clip_len, 'test_pipeline': config.test_pipeline}
        path = tmp_path / 'tiny.pth'
        torch.save({'meta': describe(built, config), 'state_dict': built.state_dict()}, path)
        return path

    return write


@pytest.fixture
def recording():
    """Return a function: seed, persons, frames -> coordinates (M, T, 25, 3), some missing."""

    def make(seed=0, persons=2, frames=20):
        rng = np.random.default_rng(seed)
        keypoint = rng.normal(size=(persons, 1, 25, 3)) + 2
        keypoint = keypoint + rng.normal(size=(persons, frames, 25, 3)).cumsum(axis=1) * 0.1
        if frames > 10:
            keypoint[-1, 4:6] = 0  # a gap of one person
            keypoint[0, 7, 3] = 0  # a missing joint
        return keypoint.astype(np.float32)

    return make
