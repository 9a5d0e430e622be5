"""The cell of a GRU as one Triton kernel per frame and pass, for GPUs.

The tensors and their shapes are those of the cell in :mod:`.recurrence`. Each Triton program
computes a block of the H N elements of the hidden state of one GRU, in float32.
"""

import triton
from torch import Tensor
from triton import language as tl

from mmcmd.models.backbones.recurrence import Cell

_BLOCK = 512


@triton.jit
def _forward_kernel(
    gate, product, bias, hidden, resets_updates, candidate, recurrent, following,
    count, batch, block: tl.constexpr,
):  # fmt: skip
    group, element = tl.program_id(1), tl.program_id(0) * block + tl.arange(0, block)
    inside = element < count
    one, two, three = (
        group * count + element,
        2 * group * count + element,
        3 * group * count + element,
    )
    row = group * (count // batch) + element // batch

    reset = tl.load(gate + three, inside).to(tl.float32) + tl.load(product + three, inside)
    three += count
    update = tl.load(gate + three, inside).to(tl.float32) + tl.load(product + three, inside)
    three += count
    reset, update = tl.sigmoid(reset), tl.sigmoid(update)
    u = tl.load(product + three, inside).to(tl.float32) + tl.load(bias + row, inside)
    n = 2 * tl.sigmoid(2 * (tl.load(gate + three, inside) + reset * u)) - 1  # tanh
    h = tl.load(hidden + one, inside)

    tl.store(resets_updates + two, reset, inside)
    tl.store(resets_updates + two + count, update, inside)
    tl.store(recurrent + one, u, inside)
    tl.store(candidate + one, n, inside)
    tl.store(following + one, n + update * (h - n), inside)


@triton.jit
def _backward_kernel(
    upstream, resets_updates, candidate, recurrent, hidden,
    grad_product, grad_candidate, grad_hidden, count, block: tl.constexpr,
):  # fmt: skip
    group, element = tl.program_id(1), tl.program_id(0) * block + tl.arange(0, block)
    inside = element < count
    one, two, three = (
        group * count + element,
        2 * group * count + element,
        3 * group * count + element,
    )

    above = tl.load(upstream + one, inside).to(tl.float32)
    reset = tl.load(resets_updates + two, inside).to(tl.float32)
    update = tl.load(resets_updates + two + count, inside).to(tl.float32)
    n = tl.load(candidate + one, inside).to(tl.float32)
    u = tl.load(recurrent + one, inside).to(tl.float32)
    h = tl.load(hidden + one, inside).to(tl.float32)
    grad_n = above * (1 - update) * (1 - n * n)

    tl.store(grad_candidate + one, grad_n, inside)
    tl.store(grad_product + three, grad_n * u * reset * (1 - reset), inside)
    tl.store(grad_product + three + count, above * (h - n) * update * (1 - update), inside)
    tl.store(grad_product + three + 2 * count, grad_n * reset, inside)
    before = tl.load(grad_hidden + one, inside)
    tl.store(grad_hidden + one, before + above * update, inside)


def _forward(gate: Tensor, product: Tensor, bias: Tensor, hidden: Tensor, *written: Tensor) -> None:
    count, batch = hidden[0].numel(), hidden.shape[2]
    grid = triton.cdiv(count, _BLOCK), len(hidden)
    _forward_kernel[grid](gate, product, bias, hidden, *written, count, batch, _BLOCK)


def _backward(upstream: Tensor, *others: Tensor) -> None:
    count = upstream[0].numel()
    grid = triton.cdiv(count, _BLOCK), len(upstream)
    _backward_kernel[grid](upstream, *others, count, _BLOCK)


TRITON = Cell(_forward, _backward)
