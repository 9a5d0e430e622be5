"""Functions for autocast that also work on devices without it, such as ``meta``."""

from contextlib import AbstractContextManager, nullcontext

import torch


def autocast_type(device: str) -> torch.dtype | None:
    """Return the dtype of autocast for a type of device, or None if autocast is off."""
    known = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if known else None


def without_autocast(device: str) -> AbstractContextManager:
    """Return a context that disables autocast for a type of device."""
    known = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if known else nullcontext()


def multiplies_bfloat16() -> bool:
    """Return whether this CPU has bfloat16 instructions. Other CPUs compute in float32."""
    return torch.cpu._is_avx512_bf16_supported()  # CPUs with AMX also have these instructions
