"""The kernels in Triton's interpreter, which runs the code of a GPU on the CPU."""

import os

import pytest
import torch

os.environ.setdefault('TRITON_INTERPRET', '0' if torch.cuda.is_available() else '1')
pytest.importorskip('triton', reason='needs Triton')

from mmcmd.models.backbones.recurrence import TORCH, batched_gru
from mmcmd.models.backbones.recurrence_triton import TRITON

DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'


@pytest.mark.parametrize(
    ('dtype', 'tol'), [(torch.float32, 1e-5), (torch.bfloat16, 0.02), (torch.float16, 3e-3)]
)
def test_outputs_and_gradients_are_those_of_torch_s_operations(dtype, tol):
    """29 x 23 elements are more than a block, and not a multiple of it."""
    generator = torch.Generator().manual_seed(0)
    frames, networks, batch, features, size = 5, 2, 23, 7, 29
    shapes = (3 * size, features), (3 * size, size), (3 * size,), (3 * size,)
    tensors = [torch.randn(networks, frames, batch, features, generator=generator)]
    tensors += [torch.randn(x, generator=generator) / 3 for _ in range(4) for x in shapes]
    tensors = [x.to(DEVICE, dtype).requires_grad_() for x in tensors]
    toward = torch.randn(networks, frames, batch, 2 * size, generator=generator).to(DEVICE, dtype)

    def run(cell):
        layer = [tensors[i : i + 4] for i in range(1, 17, 4)]
        output = batched_gru(tensors[0], [layer], cell)
        return [output, *torch.autograd.grad((output * toward).sum(), tensors)]

    for found, expected in zip(run(TRITON), run(TORCH), strict=True):
        assert (found - expected).norm() <= tol * expected.norm()
