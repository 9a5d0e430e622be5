"""Run torch's recurrent modules by the fastest way that a device and a number format have."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmcmd.models.backbones.recurrence import stacked_gru


def directions_of(rnn: nn.RNNBase) -> list[list[Tensor]]:
    """Return the four weight tensors of each layer's forward and then reverse direction."""
    weights = rnn._flat_weights
    return [weights[i : i + 4] for i in range(0, len(weights), 4)]


def run_forward(rnn: nn.RNNBase, frames: Tensor) -> Tensor:
    """Run the weights of all directions forward in time.

    Args:
        rnn (nn.RNNBase): A GRU or LSTM. With two directions, the weights of both run forward in
            time, and a layer gets the outputs of both (:class:`mmcmd.models.BiGRU`).
        frames (Tensor): Shape (T, N, F).

    Returns:
        Tensor: Outputs of the last layer, shape (T, N, directions * hidden_size).
    """
    ways, directions = 1 + rnn.bidirectional, directions_of(rnn)
    layers = [directions[i : i + ways] for i in range(0, len(directions), ways)]
    if frames.device.type == 'cpu' and not (isinstance(rnn, nn.LSTM) or _is_special()):
        return stacked_gru(frames, layers)
    if ways == 1:
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
        start (Tensor, optional): First state of a GRU, (layers * directions, N, hidden_size). By
            default it is 0.

    Returns:
        Tensor: Outputs of the last layer, shape (T, N, directions * hidden_size).
    """
    return _run(rnn, frames, rnn._flat_weights, rnn.num_layers, rnn.bidirectional, start)


def _run(
    rnn: nn.RNNBase,
    frames: Tensor,
    weights: Sequence[Tensor],
    layers: int,
    two: bool,
    start: Tensor | None = None,
) -> Tensor:
    """Call torch's kernel (cuDNN's on a GPU) for some layers."""
    device = frames.device.type
    if _autocasts_to_bfloat16(device):
        # The cast is done here, because torch's autocast runs cuDNN in float16 only.
        with torch.autocast(device, enabled=False):
            narrow = None if start is None else start.bfloat16()
            return _run(rnn, frames.bfloat16(), _in_bfloat16(weights), layers, two, narrow)
    if start is None:
        start = frames.new_zeros(layers * (1 + two), frames.shape[1], rnn.hidden_size)
    lstm = isinstance(rnn, nn.LSTM)
    kernel, state = (torch.lstm, (start, start)) if lstm else (torch.gru, start)
    return kernel(frames, state, weights, True, layers, 0.0, rnn.training, two, False)[0]


def _is_special() -> bool:
    """Return whether torch must run its own operators: under autocast, or in a trace."""
    return torch.is_autocast_enabled('cpu') or torch.jit.is_tracing()


def _autocasts_to_bfloat16(device: str) -> bool:
    """Return whether autocast to bfloat16 is on; False on devices without autocast (``meta``)."""
    known = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    return known and torch.get_autocast_dtype(device) == torch.bfloat16


def _in_bfloat16(weights: Sequence[Tensor]) -> list[Tensor]:
    """Cast into one piece of memory, with gradient: matrices first, then biases, as in cuDNN."""
    ordered = sorted(weights, key=Tensor.dim, reverse=True)
    flat = torch.cat([x.flatten().bfloat16() for x in ordered])
    pieces = zip(ordered, flat.split([x.numel() for x in ordered]), strict=True)
    cast = {id(x): piece.view_as(x) for x, piece in pieces}
    return [cast[id(x)] for x in weights]
