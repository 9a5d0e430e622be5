from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmcmd.registry import MODELS
from mmcmd.structures import convert_labels


@MODELS.register_module()
class SkeletonDataPreprocessor(BaseDataPreprocessor):
    """Stack the inputs of a batch to one float32 tensor, and move it to the device of the model.

    Data samples stay on the CPU. Their labels become tensors. A loss moves the labels that it needs
    to the device.

    Args:
        non_blocking (bool): Whether the copy to the device runs in the background, if the loader
            pins memory. Defaults to True.
    """

    def __init__(self, non_blocking: bool = True) -> None:
        super().__init__(non_blocking)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the batch with stacked inputs on the device of the model.

        Args:
            data (dict): A batch. ``inputs`` is a Tensor (N, ...), a list of N Tensors of the same
                shape, or a dict of these by group of views. Other entries are returned unchanged.
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
