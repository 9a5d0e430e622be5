"""GRUs over whole sequences, faster on a CPU than ``torch.gru`` and than frame by frame.

The frames must be computed one after the other, so the loop over time does only what it must. The
inputs of all frames are projected in one product before the loop. The gradients of the weights are
one product after the loop. In the loop the batch is the *last* axis, and the (3H, H) weight stands
on the left of the product. With a small batch, this uses the cores about twice as well as the other
order.

Everything is computed in the type of the frames and weights, which must be the same.
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
    """What a GRU computes in a frame besides the product, in both passes; see :data:`TORCH`."""

    forward: Callable[..., None]
    backward: Callable[..., None]


def stacked_gru(frames: Tensor, layers: Sequence[Sequence[Weights]]) -> Tensor:
    """Run layers of GRUs forward in time. Each layer has several GRUs over the same input.

    Each GRU gives the same result as ``torch.gru``. The outputs of a layer are concatenated and go
    to the next layer. The GRUs of a layer run one after the other, so that the weight of one stays
    in a CPU's cache.

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

    The networks have equal sizes. The result is that of :func:`stacked_gru` for each of them. This
    form has few and large operations, as a GPU needs them.

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
    """Run G GRUs, as many for each of S inputs: (S, F, T, N) to (G, H, T, N)."""
    single = len(grus) == 1
    stacked = (
        parts[0][None] if single else torch.stack(parts) for parts in zip(*grus, strict=True)
    )
    weight_ih, weight_hh, bias_ih, bias_hh = stacked
    # The GRUs of one input have their projections in one product.
    weight_ih, bias_ih = (
        y.reshape(len(x), -1, y.shape[-1]) for y in (weight_ih, bias_ih[..., None])
    )
    gates = torch.baddbmm(bias_ih, weight_ih, x.flatten(2))
    gates = gates.view(len(grus), -1, *x.shape[2:])
    return _Recurrence.apply(gates, weight_hh, bias_hh, torch.is_grad_enabled(), cell or TORCH)


class _Recurrence(Function):
    """The part of G independent GRUs after the projection of their inputs.

    The hidden states start as zeros. In a frame, g are the projected inputs, r is the reset gate,
    z the update gate, n the candidate:
    u = W h + b; r = sigmoid(g_r + u_r); z = sigmoid(g_z + u_z); n = tanh(g_n + r u_n);
    h <- n + z (h - n).
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
        # b_r and b_z are added to g once. b_n must wait, because r multiplies it.
        early = torch.cat([bias[:, : 2 * size], torch.zeros_like(bias[:, 2 * size :])], dim=1)
        late = bias[:, 2 * size :, None].contiguous()
        laid_out = gates.new_empty(num_frames, groups, 3 * size, batch)
        gates = torch.add(gates.permute(2, 0, 1, 3), early[:, :, None], out=laid_out)
        # Without a backward pass nothing is kept: every frame overwrites the one before.
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
        # Gradients of u and of g in each frame. They differ in the last third only.
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
    """Compute the gates and the following hidden state of a frame; the last four are written."""
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
    """Compute the gradients of u and g_n, which are written, and of h, which is added to."""
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
"""The cell as operations of torch: a few for each frame."""
