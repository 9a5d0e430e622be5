"""The collate function of all loaders."""

from collections.abc import Sequence

import numpy as np
from mmengine.registry import FUNCTIONS
from torch.utils.data import default_collate

from mmcmd.structures import convert_labels


@FUNCTIONS.register_module()
def stack_inputs(samples: Sequence[dict]) -> dict:
    """Make a batch in the worker: one tensor of all inputs, and a list of data samples.

    A worker sends each tensor through its own file descriptor, which takes longer than copying the
    bytes of a sequence. So the inputs are sent as one tensor in shared memory, and the labels as
    numpy arrays. :class:`mmcmd.models.SkeletonDataPreprocessor` makes tensors of the labels again.

    Args:
        samples (Sequence[dict]): Results of mmaction2's ``PackActionInputs``: ``inputs`` (Tensor),
            all of one shape, and ``data_samples``.

    Returns:
        dict: ``inputs`` (Tensor), shape (N, ...), and ``data_samples`` (list).
    """
    inputs = default_collate([sample['inputs'] for sample in samples])
    data_samples = [sample['data_samples'] for sample in samples]
    convert_labels(data_samples, np.asarray)
    return dict(inputs=inputs, data_samples=data_samples)
