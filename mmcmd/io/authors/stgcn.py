"""Tensor names of the ST-GCN that SkeletonCLR, CrosSCLR and AimCLR released."""

from collections.abc import Mapping

from torch import Tensor

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


def spread_adjacency(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Copy the single adjacency of a released ST-GCN to each of its blocks.

    Args:
        state (Mapping[str, Tensor]): State with our names, except for one tensor ``A`` of shape
            (3, V, V) for all blocks.
        prefix (str): Text before the names of this ST-GCN, such as ``encoders.joint.backbone.``.

    Returns:
        dict[str, Tensor]: The state without that ``A``, but with ``gcn.0.gcn.A`` and so on.
    """
    spread = dict(state)
    adjacency = spread.pop(f'{prefix}A', None)
    if adjacency is not None:
        own = [x for x in spread if x.startswith(f'{prefix}gcn.') and x.endswith('.gcn.PA')]
        spread |= {name.removesuffix('PA') + 'A': adjacency for name in own}
    return spread
