from collections.abc import Sequence

import numpy as np
from mmengine.registry import FUNCTIONS
from torch.utils.data import default_collate

from mmcmd.structures import convert_labels


@FUNCTIONS.register_module()
def stack_inputs(samples: Sequence[dict]) -> dict:
    """Make a batch in the worker, as one tensor beside the data samples.

    A worker hands every tensor over through a file descriptor of its own, which costs more than
    the bytes of a sequence. So the inputs go as one tensor, stacked in shared memory, and labels
    as numpy arrays, which :class:`mmcmd.models.SkeletonDataPreprocessor` makes tensors again.

    Args:
        samples (Sequence[dict]): Of mmaction2's ``PackActionInputs``: ``inputs`` (Tensor), all of
            one shape, and ``data_samples``.

    Returns:
        dict: ``inputs`` (Tensor), shape (N, ...), and ``data_samples`` (list).
    """
    inputs = default_collate([sample['inputs'] for sample in samples])
    data_samples = [sample['data_samples'] for sample in samples]
    convert_labels(data_samples, np.asarray)
    return dict(inputs=inputs, data_samples=data_samples)
