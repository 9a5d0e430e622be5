import math

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

CENTRE, BOTTOM, TOP, LEFT, RIGHT = 1, 0, 1, 4, 8  # joints of NTU


def fill(person):
    """Fill the missing frames of one person (T, V, C), in plain code with lists."""
    frames = [frame.tolist() for frame in person]
    empty = np.zeros_like(person[0]).tolist()
    if all(frame == empty for frame in frames):
        return np.array(frames)
    if frames[0] == empty:
        kept = [frame for frame in frames if frame != empty]
        frames = kept + [empty] * (len(frames) - len(kept))
    end = max(t for t, frame in enumerate(frames) if frame != empty) + 1
    for t in range(end, len(frames)):
        frames[t] = frames[(t - end) % end]
    return np.array(frames)


def turn(source, target):
    """Return the smallest rotation of one vector onto another (Rodrigues), as a function."""
    axis = np.cross(source, target)
    if np.linalg.norm(axis) == 0:
        return lambda x: x
    axis = axis / np.linalg.norm(axis)
    cosine = source @ target / np.linalg.norm(source) / np.linalg.norm(target)
    angle = math.acos(max(-1, min(1, cosine)))
    return lambda x: (
        x * math.cos(angle)
        + np.cross(axis, x) * math.sin(angle)
        + axis * (x @ axis)[..., None] * (1 - math.cos(angle))
    )


def plain(keypoint):
    """Pre-normalise joint by joint, in plain code."""
    keypoint = np.stack([fill(person) for person in keypoint.astype(np.float64)])
    moved = np.zeros_like(keypoint)
    for m, t, v in np.ndindex(keypoint.shape[:3]):
        if keypoint[m, t, v].any():
            moved[m, t, v] = keypoint[m, t, v] - keypoint[0, t, CENTRE]
    first = moved[0, 0]
    upright = turn(first[TOP] - first[BOTTOM], np.array([0, 0, 1.0]))
    across = turn(upright(first[RIGHT]) - upright(first[LEFT]), np.array([1.0, 0, 0]))
    return across(upright(moved))


@pytest.fixture
def plain_normalization():
    """Return the released pre-normalisation in plain, slow code: (M, T, 25, 3) to the same."""
    return plain


@pytest.fixture
def load_epochs(root, tiny_pickle, mmcmd_scope):
    """Return a function: loader options -> inputs and labels of the batches of two epochs."""
    pipelines = Config.fromfile(root / 'configs' / '_base_' / 'pipelines' / 'cmd.py')

    def load(sampler=None, **options):
        loader = Runner.build_dataloader(
            {
                'drop_last': True,
                'sampler': {'type': 'EpochSampler', 'shuffle': True, **(sampler or {})},
                'dataset': {
                    'type': 'SkeletonDataset',
                    'ann_file': str(tiny_pickle),
                    'split': 'xsub_train',
                    'clip_len': 8,
                    'pipeline': pipelines.pretrain_pipeline,
                },
                **options,
            },
            seed=3,
        )
        epochs = []
        for epoch in (0, 1):
            loader.sampler.set_epoch(epoch)
            epochs.append(
                [
                    (
                        torch.stack(list(batch['inputs'])),
                        [x.gt_labels.item for x in batch['data_samples']],
                    )
                    for batch in loader
                ]
            )
        return epochs

    return load
