"""Modalities of a skeleton sequence. Each is a module that processes a batch on its device.

A new modality is one registered class. A config names it by its key in the registry.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.registry import MODALITIES
from mmcmd.skeletons import Layout, get_layout


@MODALITIES.register_module(name='joint')
class Joint(nn.Module):
    """Unchanged joint coordinates, (..., T, V, C)."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()

    def forward(self, joints: Tensor) -> Tensor:
        """Return the joints (..., T, V, C) unchanged."""
        return joints


@MODALITIES.register_module(name='motion')
class Motion(nn.Module):
    """Displacement to the next frame, (..., T, V, C). It is 0 in the last frame."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()

    def forward(self, joints: Tensor) -> Tensor:
        """Return the displacement of joints (..., T, V, C), in the same shape."""
        return F.pad(joints[..., 1:, :, :] - joints[..., :-1, :, :], (0, 0, 0, 0, 0, 1))


@MODALITIES.register_module(name='bone')
class Bone(nn.Module):
    """Vector from the parent of a joint to the joint, (..., T, V, C). It is 0 at the root."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.register_buffer('parents', torch.tensor(layout.parents), persistent=False)

    def forward(self, joints: Tensor) -> Tensor:
        """Return the bones of joints (..., T, V, C), in the same shape."""
        return joints - joints.index_select(-2, self.parents)


def build_modality(name: str, layout: str | Mapping[str, Any]) -> nn.Module:
    """Build a modality by its name.

    Args:
        name (str): Name in the registry, such as ``'joint'``.
        layout (str | Mapping): Joint layout, see :func:`get_layout`.

    Raises:
        InputError: If the modality or the layout does not exist.
    """
    if name not in MODALITIES.module_dict:
        raise InputError(
            f'there is no modality {name!r}; modalities are '
            f'{", ".join(sorted(MODALITIES.module_dict))} (mmcmd/models/modalities.py)'
        )
    return MODALITIES.get(name)(get_layout(layout))
