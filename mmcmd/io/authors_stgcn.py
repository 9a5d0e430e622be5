"""Names of the ST-GCN in checkpoints that SkeletonCLR, CrosSCLR and AimCLR released."""

import re
from collections.abc import Mapping

from torch import Tensor

from mmcmd.errors import InputError

_NAMES = (
    (r'(data_bn\..+)', r'\1'),
    (r'edge_importance\.(\d+)', r'gcn.\1.gcn.PA'),
    (r'st_gcn_networks\.(\d+)\.gcn\.conv\.(.+)', r'gcn.\1.gcn.conv.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.0\.(.+)', r'gcn.\1.gcn.bn.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.2\.(.+)', r'gcn.\1.tcn.conv.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.3\.(.+)', r'gcn.\1.tcn.bn.\2'),
    (r'st_gcn_networks\.(\d+)\.residual\.0\.(.+)', r'gcn.\1.residual.conv.\2'),
    (r'st_gcn_networks\.(\d+)\.residual\.1\.(.+)', r'gcn.\1.residual.bn.\2'),
)


def rename_stgcn(name: str) -> str:
    """Return the name that a tensor of the released ST-GCN has in :class:`SkeletonCLRSTGCN`.

    Args:
        name (str): The released name without ``encoder_q.`` or the like in front, such as
            ``st_gcn_networks.3.tcn.2.weight``.

    Returns:
        str: The name below ``backbone.``, such as ``gcn.3.tcn.conv.weight``.

    Raises:
        InputError: If the name belongs to no such tensor. The adjacency ``A`` is one of them: it
            has one name there and one in each block here, see :func:`rename_stgcn_state`.
    """
    for theirs, ours in _NAMES:
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
        InputError: If a name belongs to no such tensor.
    """
    renamed = {rename_stgcn(name): tensor for name, tensor in state.items() if name != 'A'}
    if 'A' in state:
        blocks = [name for name in renamed if name.endswith('.gcn.PA')]
        renamed |= {name.removesuffix('PA') + 'A': state['A'] for name in blocks}
    return renamed
