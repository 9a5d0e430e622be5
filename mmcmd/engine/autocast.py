from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import nn

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
        **kwargs: Of mmengine's ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast, besides what mmengine does while gradients are accumulated."""
        with super().optim_context(model), torch.autocast(get_device(), torch.bfloat16):
            yield
