"""Names of the ST-GCN in checkpoints that SkeletonCLR, CrosSCLR and AimCLR released."""

import re
from collections.abc import Mapping

from torch import Tensor

from mmcmd.errors import InputError

NAMES = (
    (r'(data_bn\..+)', r'\1'),
    (r'edge_importance\.(\d+)', r'gcn.\1.gcn.PA'),
    (r'st_gcn_networks\.(\d+)\.gcn\.conv\.(.+)', r'gcn.\1.gcn.conv.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.0\.(.+)', r'gcn.\1.gcn.bn.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.2\.(.+)', r'gcn.\1.tcn.conv.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.3\.(.+)', r'gcn.\1.tcn.bn.\2'),
    (r'st_gcn_networks\.(\d+)\.residual\.0\.(.+)', r'gcn.\1.residual.conv.\2'),
    (r'st_gcn_networks\.(\d+)\.residual\.1\.(.+)', r'gcn.\1.residual.bn.\2'),
)
"""Pairs of a released name and the name in :class:`mmcmd.models.SkeletonCLRSTGCN`."""


def rename_stgcn(name: str) -> str:
    """Return the name that a tensor of the released ST-GCN has in :class:`SkeletonCLRSTGCN`.

    Args:
        name (str): The released name without ``encoder_q.`` or the like in front, such as
            ``st_gcn_networks.3.tcn.2.weight``.

    Returns:
        str: The name below ``backbone.``, such as ``gcn.3.tcn.conv.weight``.

    Raises:
        InputError: If no tensor has this name, or it is the adjacency ``A``. The adjacency is one
            tensor there and one per block here, see :func:`rename_stgcn_state`.
    """
    for theirs, ours in NAMES:
        match = re.fullmatch(theirs, name)
        if match:
            return match.expand(ours)
    raise InputError(
        f'{name!r} is not a tensor of the ST-GCN of SkeletonCLR, CrosSCLR or AimCLR; give a '
        'checkpoint that their pre-training wrote'
    )


def rename_stgcn_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename all tensors of one released ST-GCN.

    Args:
        state (Mapping[str, Tensor]): Names as :func:`rename_stgcn` takes them, and the adjacency
            ``A`` of shape (3, V, V), without the projection ``fc``.

    Returns:
        dict[str, Tensor]: The state of a :class:`SkeletonCLRSTGCN`; each block has the adjacency.

    Raises:
        InputError: If no tensor of the ST-GCN has one of the names.
    """
    return spread_adjacency(
        {name if name == 'A' else rename_stgcn(name): tensor for name, tensor in state.items()}
    )


def spread_adjacency(state: Mapping[str, Tensor], prefix: str = '') -> dict[str, Tensor]:
    """Copy the single adjacency of a released ST-GCN to each of its blocks.

    Args:
        state (Mapping[str, Tensor]): Our names, but one ``A`` of shape (3, V, V) for all blocks.
        prefix (str): Text before the names of this ST-GCN, such as ``encoders.joint.backbone.``.
            Defaults to nothing.

    Returns:
        dict[str, Tensor]: The state without that ``A``, but with ``gcn.0.gcn.A`` and so on.
    """
    spread = dict(state)
    adjacency = spread.pop(f'{prefix}A', None)
    if adjacency is not None:
        own = [x for x in spread if x.startswith(f'{prefix}gcn.') and x.endswith('.gcn.PA')]
        spread |= {name.removesuffix('PA') + 'A': adjacency for name in own}
    return spread
