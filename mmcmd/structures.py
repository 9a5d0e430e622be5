"""The fields of mmaction2's data samples, touched here and nowhere else.

mmaction2 1.1 calls them ``gt_labels.item`` and ``pred_scores``; 1.2 calls them otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmengine.structures import LabelData
from torch import Tensor


def get_labels(data_samples: Sequence[ActionDataSample], device: torch.device) -> Tensor:
    """Return the class labels of a batch, shape (N,)."""
    labels = torch.cat([torch.as_tensor(sample.gt_labels.item) for sample in data_samples])
    return labels.to(device, non_blocking=True)


def convert_labels(
    data_samples: Sequence[ActionDataSample], convert: Callable[[Any], Tensor | np.ndarray]
) -> None:
    """Replace the labels there are by what a function makes of them, in place."""
    for sample in data_samples:
        if 'gt_labels' in sample:
            sample.gt_labels.item = convert(sample.gt_labels.item)


def set_scores(data_samples: Sequence[ActionDataSample], scores: Mapping[str, Tensor]) -> None:
    """Store class scores: ``scores`` maps a stream to (N, num_classes)."""
    for index, sample in enumerate(data_samples):
        sample.pred_scores = LabelData(**{name: values[index] for name, values in scores.items()})
        # A LabelData forgets the order of its fields.
        sample.set_metainfo({'streams': tuple(scores)})


def set_features(data_samples: Sequence[ActionDataSample], feats: Mapping[str, Tensor]) -> None:
    """Store features: ``feats`` maps a modality to (N, D)."""
    for index, sample in enumerate(data_samples):
        sample.feats = {name: values[index] for name, values in feats.items()}


def sample_features(sample: Mapping) -> tuple[dict[str, Tensor], int]:
    """Return what an evaluator needs of a sample as a dict: features by modality, and label."""
    return sample['feats'], sample['gt_labels']['item'].item()


def sample_streams(sample: Mapping) -> tuple[str, ...]:
    """Return the names of the scores of a sample as a dict, in order."""
    return sample['streams']
