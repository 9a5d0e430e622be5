"""Count parameters and multiply-adds of encoders and of training steps.

``torch.utils.flop_counter`` counts the operations. It does not count in-place matrix products
(``addmm_``) and the fused recurrent layers of oneDNN and cuDNN, so this file adds formulas for
them. It also does not count fused attention and fused transformer layers on a CPU, so these are
disabled during the count.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from mmaction.structures import ActionDataSample
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, addmm_flop, baddbmm_flop

from mmcmd.errors import InputError
from mmcmd.models import StreamModel

aten = torch.ops.aten
Shape = Sequence[int]


@dataclass(frozen=True)
class Complexity:
    """The cost of encoding one sequence.

    Attributes:
        params (int): Number of parameters.
        flops (int): Multiply-adds of matrix products and convolutions. Normalisation and
            element-wise functions are not counted.
    """

    params: int
    flops: int


def count_flops(function: Callable[..., Any], *args: Any) -> int:
    """Count the multiply-adds of one call of a function.

    Matrix products and convolutions are counted, also those of a backward pass. The function is
    executed, so parameters, statistics and queues may change.

    Args:
        function (Callable): A module, or any function of tensors.
        *args (Any): Arguments of the function.
    """
    with _plain_attention(), FlopCounterMode(display=False, custom_mapping=_FORMULAS) as counter:
        function(*args)
    return counter.get_total_flops() // 2  # torch counts a multiplication and an addition as two


@torch.no_grad()
def encoder_complexity(model: StreamModel, shape: Sequence[int]) -> dict[str, Complexity]:
    """Count the parameters and multiply-adds of the encoder of each stream.

    Args:
        model (StreamModel): Any model.
        shape (Sequence[int]): Shape of a sequence, (M, T, V, C).

    Returns:
        dict[str, Complexity]: Complexity by stream.

    Raises:
        InputError: If the model does not accept sequences of this shape.
    """
    model.eval()
    device = next(model.parameters(), torch.empty(0)).device  # an encoder may have no parameters
    inputs = torch.zeros(1, *shape, device=device)
    found = {}
    for name in model.streams:
        try:
            flops = count_flops(model.extract_feat, inputs, name)
        except (RuntimeError, IndexError) as error:
            reason = str(error).split('\n')[0]
            raise InputError(
                f'the encoder does not accept sequences (M, T, V, C) of shape {tuple(shape)}: '
                f'{reason}'
            ) from error
        params = sum(x.numel() for x in model.encoders[name].parameters())
        found[name] = Complexity(params, flops)
    return found


def step_flops(model: StreamModel, shape: Sequence[int], batch: int = 2) -> float:
    """Count the multiply-adds of a training step per sample, forward and backward.

    The model computes its loss and gradients once on random views. Costs that depend on the batch
    size are those of this batch.

    Args:
        model (StreamModel): A pre-training method or a classifier. The step changes its key
            encoders, queues and statistics, but not its weights.
        shape (Sequence[int]): Shape of a sequence, (M, T, V, C), for all views.
        batch (int): Smallest number of samples. Methods that need more samples get more. Defaults
            to 2, because BatchNorm needs more than one.
    """
    batch = max(batch, getattr(model, 'min_samples', 1))
    views = getattr(model, 'views', ('clip',))
    groups = views if isinstance(views, Mapping) else {'': len(views)}
    inputs = {name: torch.randn(batch, count, *shape) for name, count in groups.items()}
    inputs = inputs if isinstance(views, Mapping) else inputs['']
    samples = [ActionDataSample().set_gt_labels(0) for _ in range(batch)]
    for index, sample in enumerate(samples):
        sample.set_metainfo({'sample_idx': index})
    model.train()

    def step() -> None:
        model.parse_losses(model(inputs, samples, mode='loss'))[0].backward()

    flops = count_flops(step) / batch
    model.zero_grad()
    return flops


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Run attention and transformer layers as matrix products, which are counted."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _onednn_layer(x: Shape, weight_ih: Shape, weight_hh: Shape, *_: Any, **__: Any) -> int:
    """Count a layer with one direction: each step multiplies two matrices by a vector."""
    return 2 * prod(x[:-1]) * (prod(weight_ih) + prod(weight_hh))


def _cudnn_layers(x: Shape, weights: Sequence[Shape], *_: Any, **__: Any) -> int:
    """Count all layers and directions: each step multiplies each matrix by a vector."""
    return 2 * prod(x[:-1]) * sum(prod(weight) for weight in weights if len(weight) == 2)


def _twice(formula: Callable[..., int]) -> Callable[..., int]:
    """Count a backward pass: gradients of the inputs and gradients of the weights."""
    return lambda *args, **kwargs: 2 * formula(*args, **kwargs)


def _without_output(formula: Callable[..., int]) -> Callable[..., int]:
    """Adapt a formula of torch, which gets the shape of the output as a keyword."""
    return lambda *args, out_shape, **_: formula(*args)


_FORMULAS = {
    aten.addmm_: _without_output(addmm_flop),
    aten.baddbmm_: _without_output(baddbmm_flop),
    aten.mkldnn_rnn_layer: _onednn_layer,
    aten.mkldnn_rnn_layer_backward: _twice(_onednn_layer),
    aten._cudnn_rnn: _cudnn_layers,
    aten._cudnn_rnn_backward: _twice(_cudnn_layers),
}
