from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import nn

from mmcmd.errors import InputError
from mmcmd.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class Bfloat16OptimWrapper(OptimWrapper):
    """Run the forward pass under bfloat16 autocast, on any device, without scaling the loss.

    bfloat16 has the range of float32, so that gradients do not vanish as they do in float16 (for
    which there is mmengine's ``AmpOptimWrapper``): no scaler that has to look at the gradients
    of each iteration. Parameters, similarities and losses stay float32.

    On a CPU it is faster than float32 where there are instructions for it (``avx512_bf16`` in
    ``/proc/cpuinfo``). Elsewhere :class:`mmcmd.models.BiGRU` computes in float32.

    ``AmpOptimWrapper(dtype='bfloat16')`` cannot take its place: in mmengine 0.10.7 it refuses
    to run without a GPU.

    Args:
        *args, **kwargs: Of mmengine's ``OptimWrapper``.

    Raises:
        InputError: If the GPU has no arithmetic for bfloat16.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if get_device() == 'cuda' and not torch.cuda.is_bf16_supported(including_emulation=False):
            raise InputError(
                f'Bfloat16OptimWrapper (--amp-dtype bfloat16): {torch.cuda.get_device_name()} has '
                'no bfloat16; train with --amp alone, which is float16'
            )

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast, besides what mmengine does while gradients are accumulated."""
        with super().optim_context(model), torch.autocast(get_device(), torch.bfloat16):
            yield
