from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmcmd.registry import MODELS
from mmcmd.structures import convert_labels


@MODELS.register_module()
class SkeletonDataPreprocessor(BaseDataPreprocessor):
    """Bring the inputs of a batch to the model's device, as one tensor of float32.

    Data samples stay on the host. Their labels become tensors; a loss moves those that it needs.

    Args:
        non_blocking (bool): Do not wait for the copy, if the loader pins memory. Defaults to True.
    """

    def __init__(self, non_blocking: bool = True) -> None:
        super().__init__(non_blocking)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the batch with its inputs stacked and on the device.

        Args:
            data (dict): ``inputs``, a Tensor (N, ...) or a list of N Tensors of one shape. Other
                entries are returned as they are.
            training (bool): Not used.
        """
        inputs = data['inputs']
        if isinstance(inputs, Mapping):  # groups of views
            inputs = {name: self._move(x) for name, x in inputs.items()}
        else:
            inputs = self._move(inputs)
        convert_labels(data.get('data_samples') or (), torch.as_tensor)
        return {**data, 'inputs': inputs}

    def _move(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        if not isinstance(inputs, Tensor):
            inputs = torch.stack(list(inputs))
        return inputs.to(self.device, torch.float32, non_blocking=self._non_blocking)
