"""Choose how a recurrent network is computed: our code or torch's kernels, and the dtype."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.models.backbones.recurrence import Cell, batched_gru, stacked_gru
from mmcmd.models.precision import autocast_type, multiplies_bfloat16, without_autocast


def layers_of(rnn: nn.RNNBase) -> list[list[list[Tensor]]]:
    """Return the weights of a GRU or LSTM: per layer and direction, a list of four tensors."""
    weights, ways = _weights_of(rnn), 1 + rnn.bidirectional
    directions = [weights[i : i + 4] for i in range(0, len(weights), 4)]
    return [directions[i : i + ways] for i in range(0, len(directions), ways)]


def _weights_of(rnn: nn.RNNBase) -> list[Tensor]:
    """Return all weights. torch.export replaces the parameters, but not ``_flat_weights``."""
    if is_special():
        return [getattr(rnn, name) for name in rnn._flat_weights_names]
    return rnn._flat_weights


def run_forward(rnn: nn.RNNBase, frames: Tensor, kernel: str = 'auto') -> Tensor:
    """Run a recurrent network with all its directions forward in time.

    Args:
        rnn (nn.RNNBase): A GRU or LSTM. With two directions, the weights of both run forward in
            time, and a layer gets the outputs of both (:class:`mmcmd.models.BiGRU`).
        frames (Tensor): Shape (T, N, F).
        kernel (str): See :class:`mmcmd.models.backbones.RecurrentEncoder`. Defaults to ``'auto'``.

    Returns:
        Tensor: Outputs of the last layer, shape (T, N, directions * hidden_size).
    """
    layers = layers_of(rnn)
    own = kernel != 'auto' or (frames.device.type == 'cpu' and isinstance(rnn, nn.GRU))
    if own and not is_special():
        return run_own(frames[None], layers, kernel)[0]
    if not rnn.bidirectional:
        return run_kernel(rnn, frames)
    frames = frames.contiguous()  # once, rather than in the call of each direction
    for layer in layers:
        frames = torch.cat([_run(rnn, frames, weights, 1, False) for weights in layer], dim=-1)
    return frames


def run_kernel(rnn: nn.RNNBase, frames: Tensor, start: Tensor | None = None) -> Tensor:
    """Call torch's kernel for the whole network.

    Args:
        rnn (nn.RNNBase): A GRU or LSTM.
        frames (Tensor): Shape (T, N, F).
        start (Tensor, optional): Initial state of a GRU, (layers * directions, N, hidden_size).
            Defaults to zeros.

    Returns:
        Tensor: Outputs of the last layer, shape (T, N, directions * hidden_size).
    """
    return _run(rnn, frames, _weights_of(rnn), rnn.num_layers, rnn.bidirectional, start)


def _run(
    rnn: nn.RNNBase,
    frames: Tensor,
    weights: Sequence[Tensor],
    layers: int,
    two: bool,
    start: Tensor | None = None,
) -> Tensor:
    """Call torch's kernel (on a GPU, that of cuDNN) for some layers."""
    device = frames.device.type
    if autocast_type(device) == torch.bfloat16:
        # Cast here, because torch's autocast runs cuDNN only in float16.
        with torch.autocast(device, enabled=False):
            cast = cast_together(weights, torch.bfloat16)
            narrow = None if start is None else start.bfloat16()
            return _run(rnn, frames.bfloat16(), cast, layers, two, narrow)
    if start is None:
        start = frames.new_zeros(layers * (1 + two), frames.shape[1], rnn.hidden_size)
    lstm = isinstance(rnn, nn.LSTM)
    kernel, state = (torch.lstm, (start, start)) if lstm else (torch.gru, start)
    return kernel(frames, state, weights, True, layers, 0.0, rnn.training, two, False)[0]


def is_special() -> bool:
    """Return whether the network is being exported, so that torch's own operators must run."""
    exporting = getattr(torch.compiler, 'is_exporting', None)  # since torch 2.7
    return torch.jit.is_tracing() or (exporting is not None and exporting())


def cast_together(weights: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Cast weights (any shapes) into one block of memory: matrices, then biases, as in cuDNN."""
    ordered = sorted(weights, key=Tensor.dim, reverse=True)
    flat = torch.cat([x.flatten().to(dtype) for x in ordered])
    pieces = zip(ordered, flat.split([x.numel() for x in ordered]), strict=True)
    cast = {id(x): piece.view_as(x) for x, piece in pieces}
    return [cast[id(x)] for x in weights]


def run_own(frames: Tensor, layers: list[list[list[Tensor]]], kernel: str) -> Tensor:
    """Run our recurrence in the dtype of autocast, if the device is fast with this dtype.

    A CPU without bfloat16 instructions is 2 to 25 times slower in bfloat16 than in float32.

    Args:
        frames (Tensor): Inputs of S networks, shape (S, T, N, F). S is 1 for ``'auto'``.
        layers (list): For each layer the weights of all its GRUs, network by network.
        kernel (str): ``kernel`` of the backbone.
    """
    device = frames.device.type
    result = compute = autocast_type(device) or frames.dtype
    if device == 'cpu' and not (compute == torch.bfloat16 and multiplies_bfloat16()):
        compute = frames.dtype
    with without_autocast(device):
        layers = [[[x.to(compute) for x in gru] for gru in layer] for layer in layers]
        frames = frames.to(compute)
        if kernel == 'auto':
            return stacked_gru(frames[0], layers).to(result)[None]
        cell = _triton_cell() if kernel == 'triton' and device == 'cuda' else None
        return batched_gru(frames, layers, cell).to(result)


def _triton_cell() -> Cell:
    try:
        from mmcmd.models.backbones.recurrence_triton import TRITON
    except ModuleNotFoundError as error:
        raise InputError(
            "the backbone's kernel='triton' needs the package triton, which is not installed; "
            "install it, or use kernel='batched'"
        ) from error
    return TRITON
