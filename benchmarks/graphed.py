"""A step of CMD as one CUDA graph, for a comparison with :class:`benchmarks.step.Step`."""

from collections.abc import Callable

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor

from benchmarks.step import SGD
from mmcmd.engine import Bfloat16OptimWrapper
from mmcmd.engine.graphed_step import GraphedStep
from mmcmd.models import CMD


def graphed_step(
    model: CMD, views: Tensor, bfloat16: bool = False, kind: type[GraphedStep] = GraphedStep
) -> Callable[[], Tensor]:
    """Record the graph of a step, and return a function that runs a step and returns its loss.

    Args:
        model (CMD): Model on a GPU.
        views (Tensor): Query and key view, shape (2, N, M, T, V, C), on the same device.
        bfloat16 (bool): Run the forward pass under autocast.
        kind (type): Class of the step. Defaults to :class:`GraphedStep`.
    """
    trained = [x for x in model.parameters() if x.requires_grad]
    wrapper = (Bfloat16OptimWrapper if bfloat16 else OptimWrapper)(
        torch.optim.SGD(trained, **SGD, fused=True)
    )
    step, data = kind(model, wrapper), {'inputs': views.transpose(0, 1)}
    while step.replay is None:
        step(data, wrapper)
    return lambda: step(data, wrapper)['loss']
