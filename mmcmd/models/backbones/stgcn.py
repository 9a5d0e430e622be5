from typing import ClassVar

import torch
from mmaction.models.backbones.stgcn import STGCN, STGCNBlock

from mmcmd.errors import InputError
from mmcmd.registry import MODELS

_INIT_CFG = (
    {'type': 'Normal', 'layer': ['Conv2d', 'Linear'], 'mean': 0, 'std': 0.02, 'bias': 0},
    {'type': 'Normal', 'layer': '_BatchNorm', 'mean': 1, 'std': 0.02, 'bias': 0},
)


@MODELS.register_module()
class SkeletonCLRSTGCN(STGCN):
    """The ST-GCN encoder of SkeletonCLR, CrosSCLR and AimCLR.

    It has nine blocks of mmaction2's ST-GCN, whose channels grow from ``hidden_channels`` to ``4 *
    hidden_channels``. A tenth block has ``hidden_dim`` channels. The graph is built from the
    parents of the joints in the layout of the data, because mmaction2's own NTU graph connects the
    thumbs and the hand tips to other joints.

    As in the released code of these methods, weights start as N(0, 0.02), BatchNorm weights as N(1,
    0.02), biases as 0 and edge importances as 1.

    Args:
        graph_cfg (dict): Options of mmaction2's ``Graph``. :class:`SkeletonEncoder` sets its
            ``layout``. ``mode`` defaults to ``'stgcn_spatial'``.
        in_channels (int): Coordinates of a joint. Defaults to 3.
        hidden_channels (int): Channels of the first blocks. Defaults to 16.
        hidden_dim (int): Channels of the last block. This is the size of a feature. Defaults to
            256.
        dropout (float): Dropout probability after the temporal convolution of all blocks except the
            first. Defaults to 0.5.
        num_person (int): Number of persons of a sequence. Defaults to 2.
        init_cfg (dict | list[dict], optional): Initialisation that replaces the one above, as in
            mmengine.

    Raises:
        InputError: If ``graph_cfg`` names one of mmaction2's graphs, or if ``hidden_channels``
            equals ``in_channels``. In the latter case, mmaction2 would omit the first block.
    """

    uses_layout_graph: ClassVar[bool] = True

    def __init__(
        self,
        graph_cfg: dict,
        in_channels: int = 3,
        hidden_channels: int = 16,
        hidden_dim: int = 256,
        dropout: float = 0.5,
        num_person: int = 2,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if not isinstance(graph_cfg.get('layout'), dict):
            raise InputError(
                f'SkeletonCLRSTGCN makes its graph from the layout of the data, but graph_cfg has '
                f'layout={graph_cfg.get("layout")!r}; leave `layout` out of graph_cfg'
            )
        if hidden_channels == in_channels:
            raise InputError(
                f'hidden_channels={hidden_channels} of SkeletonCLRSTGCN must differ from '
                f'in_channels; choose another number of channels'
            )
        super().__init__(
            graph_cfg={'mode': 'stgcn_spatial', **graph_cfg},
            in_channels=in_channels,
            base_channels=hidden_channels,
            num_person=num_person,
            num_stages=9,
            tcn_dropout=dropout,
            init_cfg=list(_INIT_CFG) if init_cfg is None else init_cfg,
        )
        adjacency = torch.tensor(self.graph.A, dtype=torch.float32)
        last = STGCNBlock(4 * hidden_channels, hidden_dim, adjacency, tcn_dropout=dropout)
        self.gcn.append(last)
        self.num_stages += 1
        self.out_channels = hidden_dim
        # mmaction2's units have their own initialisation, which would run after this one.
        for module in self.modules():
            if module is not self and hasattr(module, 'init_cfg'):
                module.init_cfg = None
