"""Which form of our recurrence runs, and in which type."""

import torch
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.backbones.recurrence import Cell, batched_gru, stacked_gru
from mmcmd.models.precision import autocast_type, multiplies_bfloat16, without_autocast


def run_own(frames: Tensor, layers: list[list[list[Tensor]]], kernel: str) -> Tensor:
    """Run our recurrence, in the type of autocast if the device is fast in it.

    A CPU without instructions for bfloat16 needs 2 to 25 times as long as in float32.

    Args:
        frames (Tensor): Inputs of S networks, shape (S, T, N, F). S is 1 for ``'auto'``.
        layers (list): For each layer the weights of all its GRUs, network by network.
        kernel (str): Of the backbone.
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
