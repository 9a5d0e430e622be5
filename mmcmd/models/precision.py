"""Questions about autocast that also work on devices without it, such as ``meta``."""

from contextlib import AbstractContextManager, nullcontext

import torch


def autocast_type(device: str) -> torch.dtype | None:
    """Return the type of autocast on a kind of device, or None if autocast is off there."""
    known = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if known else None


def without_autocast(device: str) -> AbstractContextManager:
    """Return a context in which autocast is off on a kind of device."""
    known = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if known else nullcontext()


def multiplies_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16; others compute it in float32."""
    return torch.cpu._is_avx512_bf16_supported()  # CPUs with AMX have these instructions too
