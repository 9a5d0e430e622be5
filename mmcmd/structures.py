"""Access to the fields of mmaction2's data samples. Only this file reads and writes them.

Their names in mmaction2 1.1 are ``gt_labels.item`` and ``pred_scores``. In 1.2 they differ.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmengine.structures import LabelData
from torch import Tensor
from torch.utils.data import default_collate

from mmcmd.errors import InputError


def get_labels(data_samples: Sequence[ActionDataSample], device: torch.device) -> Tensor:
    """Return the class labels of a batch, shape (N,)."""
    labels = torch.cat([torch.as_tensor(sample.gt_labels.item) for sample in data_samples])
    return labels.to(device, non_blocking=True)


def get_sample_ids(data_samples: Sequence[ActionDataSample], device: torch.device) -> Tensor:
    """Return the index of each sample in its data set (split or subset), shape (N,)."""
    ids = torch.tensor([sample.metainfo['sample_idx'] for sample in data_samples])
    return ids.to(device, non_blocking=True)


def get_valid_frames(
    data_samples: Sequence[ActionDataSample] | None, device: torch.device
) -> Tensor | dict[str, Tensor] | None:
    """Return the numbers of valid frames of each view, (N, views), or a dict of these by group.

    The result is None if the pipeline does not set them. Then all frames are valid.

    Raises:
        InputError: If a view has no valid frame.
    """
    if not data_samples or 'valid_frames' not in data_samples[0].metainfo:
        return None
    for sample in data_samples:
        _check_valid_frames(sample.metainfo)
    frames = default_collate([sample.metainfo['valid_frames'] for sample in data_samples])
    if isinstance(frames, Mapping):
        return {group: x.to(device, non_blocking=True) for group, x in frames.items()}
    return frames.view(len(data_samples), -1).to(device, non_blocking=True)


def _check_valid_frames(metainfo: Mapping[str, Any]) -> None:
    frames = metainfo['valid_frames']
    numbers = frames.values() if isinstance(frames, Mapping) else [frames]
    if min(np.min(x) for x in numbers) < 1:
        raise InputError(
            f'{metainfo.get("frame_dir", "a sample")} has no valid frame; leave it out of the '
            'annotation file'
        )


def convert_labels(
    data_samples: Sequence[ActionDataSample], convert: Callable[[Any], Tensor | np.ndarray]
) -> None:
    """Apply a function to the labels of the samples, in place. Skip samples without label."""
    for sample in data_samples:
        if 'gt_labels' in sample:
            sample.gt_labels.item = convert(sample.gt_labels.item)


def set_scores(data_samples: Sequence[ActionDataSample], scores: Mapping[str, Tensor]) -> None:
    """Store class scores. ``scores`` maps each stream to a Tensor (N, num_classes)."""
    for index, sample in enumerate(data_samples):
        sample.pred_scores = LabelData(**{name: values[index] for name, values in scores.items()})
        # A LabelData does not keep the order of its fields.
        sample.set_metainfo({'streams': tuple(scores)})


def set_features(data_samples: Sequence[ActionDataSample], feats: Mapping[str, Tensor]) -> None:
    """Store features. ``feats`` maps each stream to a Tensor (N, D)."""
    for index, sample in enumerate(data_samples):
        sample.feats = {name: values[index] for name, values in feats.items()}


def sample_features(sample: Mapping) -> tuple[dict[str, Tensor], int]:
    """Return the features by stream and the label of a sample in the form of a dict."""
    return sample['feats'], sample['gt_labels']['item'].item()


def sample_streams(sample: Mapping) -> tuple[str, ...]:
    """Return the names of the scores, in order, of a sample in the form of a dict."""
    return sample['streams']
