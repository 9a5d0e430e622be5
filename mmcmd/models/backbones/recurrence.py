"""GRUs over whole sequences. On a CPU they are faster than ``torch.gru``.

The loop over time is slow, so it contains as little work as possible. One matrix product before the
loop projects the inputs of all frames. One product after the loop computes the gradients of the
weights. In the loop, the batch is the *last* axis, and the (3H, H) weight is the left factor of the
product. For small batches, this order is about twice as fast on several cores as the other order.

The computation uses the dtype of the frames and weights. Both must have the same dtype.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

Weights = Sequence[Tensor]
"""Weights of one direction of a layer, as in torch: weight_ih, weight_hh, bias_ih, bias_hh."""


class Cell(NamedTuple):
    """The element-wise part of a GRU for one frame, in both passes. See :data:`TORCH`."""

    forward: Callable[..., None]
    backward: Callable[..., None]


def stacked_gru(frames: Tensor, layers: Sequence[Sequence[Weights]]) -> Tensor:
    """Run layers of GRUs forward in time. Each layer has several GRUs over the same input.

    Each GRU gives the same result as ``torch.gru``. The outputs of the GRUs of a layer are
    concatenated and are the input of the next layer. The GRUs of a layer run one after the other,
    so that the weights of one GRU stay in the cache of the CPU.

    Args:
        frames (Tensor): Shape (T, N, F).
        layers (Sequence[Sequence[Weights]]): For each layer the weights of its GRUs.

    Returns:
        Tensor: Outputs of the last layer, shape (T, N, D). D is the sum of the sizes of its GRUs.
    """
    x = frames.permute(2, 0, 1)
    for directions in layers:
        x = torch.cat([_grus(x[None], [weights])[0] for weights in directions])
    return x.permute(1, 2, 0)


def batched_gru(
    frames: Tensor, layers: Sequence[Sequence[Weights]], cell: Cell | None = None
) -> Tensor:
    """Run the GRUs of several networks together: one batched product per layer and frame.

    The networks must have equal sizes. The result is that of :func:`stacked_gru` for each network.
    This function uses few large operations, which suits a GPU.

    Args:
        frames (Tensor): Inputs of each network, shape (S, T, N, F).
        layers (Sequence[Sequence[Weights]]): For each layer the weights of all its GRUs, network by
            network.
        cell (Cell, optional): Defaults to :data:`TORCH`.

    Returns:
        Tensor: Outputs of the last layers, shape (S, T, N, D).
    """
    x = frames.permute(0, 3, 1, 2)
    for weights in layers:
        x = _grus(x, weights, cell).unflatten(0, (len(frames), -1)).flatten(1, 2)
    return x.permute(0, 2, 3, 1)


def _grus(x: Tensor, grus: Sequence[Weights], cell: Cell | None = None) -> Tensor:
    """Run G GRUs, G / S of them on each of S inputs: (S, F, T, N) to (G, H, T, N)."""
    single = len(grus) == 1
    stacked = (
        parts[0][None] if single else torch.stack(parts) for parts in zip(*grus, strict=True)
    )
    weight_ih, weight_hh, bias_ih, bias_hh = stacked
    # One product projects each input for all its GRUs.
    weight_ih, bias_ih = (
        y.reshape(len(x), -1, y.shape[-1]) for y in (weight_ih, bias_ih[..., None])
    )
    gates = torch.baddbmm(bias_ih, weight_ih, x.flatten(2))
    gates = gates.view(len(grus), -1, *x.shape[2:])
    return _Recurrence.apply(gates, weight_hh, bias_hh, torch.is_grad_enabled(), cell or TORCH)


class _Recurrence(Function):
    """The part of G independent GRUs after the projection of their inputs.

    The initial hidden states are zero. In each frame, g is the projected input, r the reset gate, z
    the update gate and n the candidate: u = W h + b; r = sigmoid(g_r + u_r); z = sigmoid(g_z +
    u_z); n = tanh(g_n + r u_n); h <- n + z (h - n).
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        gates: Tensor,
        weight: Tensor,
        bias: Tensor,
        grad_enabled: bool,
        cell: Cell,
    ) -> Tensor:
        """Turn projected inputs (G, 3H, T, N) into hidden states (G, H, T, N)."""
        groups, _, num_frames, batch = gates.shape
        size = weight.shape[2]
        # b_r and b_z are added to g before the loop. b_n is not, because r multiplies it.
        early = torch.cat([bias[:, : 2 * size], torch.zeros_like(bias[:, 2 * size :])], dim=1)
        late = bias[:, 2 * size :, None].contiguous()
        laid_out = gates.new_empty(num_frames, groups, 3 * size, batch)
        gates = torch.add(gates.permute(2, 0, 1, 3), early[:, :, None], out=laid_out)
        # Without a backward pass, each frame overwrites the values of the frame before.
        kept = num_frames if grad_enabled and any(ctx.needs_input_grad) else 1
        hidden = gates.new_zeros(num_frames + 1, groups, size, batch)
        resets_updates = gates.new_empty(kept, groups, 2 * size, batch)
        candidates = gates.new_empty(kept, groups, size, batch)
        recurrents = torch.empty_like(candidates)  # u_n
        product = gates.new_empty(groups, 3 * size, batch)
        for frame in range(num_frames):
            torch.bmm(weight, hidden[frame], out=product)
            slot = frame % kept
            saved = resets_updates[slot], candidates[slot], recurrents[slot]
            cell.forward(gates[frame], product, late, hidden[frame], *saved, hidden[frame + 1])
        ctx.save_for_backward(weight, hidden, resets_updates, candidates, recurrents)
        ctx.cell = cell
        return hidden[1:].permute(1, 2, 0, 3)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """Return the gradients of the projected inputs, the weight and the bias."""
        weight, hidden, *saved = ctx.saved_tensors
        num_frames, groups, size, batch = grad.shape[2], *hidden.shape[1:]
        grad_hidden = torch.empty_like(hidden)
        grad_hidden[0] = 0
        grad_hidden[1:] = grad.permute(2, 0, 1, 3)
        # Gradients of u and of g in each frame. They differ only in the last third.
        grad_products = grad.new_empty(num_frames, groups, 3 * size, batch)
        grad_candidates = grad.new_empty(num_frames, groups, size, batch)
        transposed = weight.transpose(1, 2).contiguous()
        for frame in reversed(range(num_frames)):
            ctx.cell.backward(
                grad_hidden[frame + 1],
                *(x[frame] for x in saved),
                hidden[frame],
                grad_products[frame],
                grad_candidates[frame],
                grad_hidden[frame],
            )
            if frame:
                grad_hidden[frame].baddbmm_(transposed, grad_products[frame])
        grad_gates = grad_products.permute(1, 2, 0, 3).contiguous()
        states = hidden[:-1].permute(1, 0, 3, 2).flatten(1, 2)
        grad_weight = grad_gates.flatten(2) @ states
        grad_bias = grad_gates.sum(dim=(2, 3))
        grad_gates[:, 2 * size :] = grad_candidates.permute(1, 2, 0, 3)
        return grad_gates, grad_weight, grad_bias, None, None


def _forward_cell(
    gate: Tensor,
    product: Tensor,
    bias: Tensor,
    hidden: Tensor,
    resets_updates: Tensor,
    candidate: Tensor,
    recurrent: Tensor,
    following: Tensor,
) -> None:
    """Write the gates and the next hidden state of a frame to the last four arguments."""
    size = hidden.shape[1]
    torch.add(gate[:, : 2 * size], product[:, : 2 * size], out=resets_updates).sigmoid_()
    reset, update = resets_updates.chunk(2, dim=1)
    torch.add(product[:, 2 * size :], bias, out=recurrent)
    torch.addcmul(gate[:, 2 * size :], reset, recurrent, out=candidate).tanh_()
    torch.lerp(candidate, hidden, update, out=following)


def _backward_cell(
    upstream: Tensor,
    resets_updates: Tensor,
    candidate: Tensor,
    recurrent: Tensor,
    hidden: Tensor,
    grad_product: Tensor,
    grad_candidate: Tensor,
    grad_hidden: Tensor,
) -> None:
    """Write the gradients of u and g_n of a frame, and add that of h to ``grad_hidden``."""
    grad_reset, grad_update, grad_recurrent = grad_product.chunk(3, dim=1)
    reset, update = resets_updates.chunk(2, dim=1)
    # n: upstream (1 - z) (1 - n^2)
    torch.addcmul(upstream, upstream, update, value=-1, out=grad_candidate)
    grad_candidate.addcmul_(grad_candidate * candidate, candidate, value=-1)
    torch.mul(grad_candidate, reset, out=grad_recurrent)
    # r: the gradient of u_n, times u_n (1 - r)
    torch.mul(grad_recurrent, recurrent, out=grad_reset)
    grad_reset.addcmul_(grad_reset, reset, value=-1)
    # z: upstream (h - n) z (1 - z)
    torch.mul(upstream, hidden - candidate, out=grad_update).mul_(update)
    grad_update.addcmul_(grad_update, update, value=-1)
    grad_hidden.addcmul_(update, upstream)


TORCH = Cell(_forward_cell, _backward_cell)
"""The cell with torch's operations, a few for each frame."""
