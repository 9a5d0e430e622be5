"""Number formats in which a step can multiply."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

from mmcmd.engine import TF32Hook


@dataclass(frozen=True)
class Precision:
    """How factors of products are rounded.

    Attributes:
        autocast (torch.dtype, optional): Type of 16 bits under autocast.
        tf32 (bool): A GPU may round the factors of float32 products to 10 bits of mantissa.
    """

    autocast: torch.dtype | None = None
    tf32: bool = False

    def casting(self, device: str, cache: bool = True) -> AbstractContextManager:
        """Return autocast.

        Args:
            device (str): Type of the device.
            cache (bool): Cast each weight once in the whole context. Then an optimizer must not
                step in it. Defaults to True.
        """
        dtype, enabled = self.autocast or torch.bfloat16, self.autocast is not None
        return torch.autocast(device, dtype, enabled=enabled, cache_enabled=cache)

    @contextmanager
    def rounding(self) -> Iterator[None]:
        """Let a GPU use TF32, or forbid it, in forward and backward passes."""
        parts = torch.backends.cuda.matmul, torch.backends.cudnn
        before = [part.allow_tf32 for part in parts]
        TF32Hook(self.tf32).before_run(None)
        try:
            yield
        finally:
            for part, value in zip(parts, before, strict=True):
                part.allow_tf32 = value


PRECISIONS = {
    'bfloat16': Precision(torch.bfloat16),
    'float16': Precision(torch.float16),
    'tf32': Precision(tf32=True),
    'float32': Precision(),
}
