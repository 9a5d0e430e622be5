from typing import Any, ClassVar

import torch
from mmaction.models.backbones import AAGCN
from mmaction.models.utils import unit_aagcn
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.registry import MODELS


class AdaptiveGraphConv(unit_aagcn):
    """The adaptive graph convolution of 2s-AGCN (CVPR 2019, Sec. 4.2).

    It is mmaction2's unit without attention modules and with another adjacency. Here, the adjacency
    of a subset is A + PA + W. A is the given graph and is fixed. PA is learned and starts at 1e-6.
    W is a softmax over the similarities of the joints of a sequence. mmaction2's unit has one
    learned matrix instead of A + PA, and a scaled tanh instead of the softmax.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        adjacency (Tensor): Normalised adjacency of each subset, shape (3, V, V).
    """

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__(in_channels, out_channels, adjacency, attention=False)
        del self.A, self.alpha
        # The graph is not part of the state, because released checkpoints do not contain it.
        self.register_buffer('A', adjacency, persistent=False)
        self.PA = nn.Parameter(torch.full_like(adjacency, 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve a map (N, in_channels, T, V) to (N, out_channels, T, V)."""
        rows = x.flatten(1, 2)  # (N, C T, V)
        y = 0
        for subset, graph in enumerate(self.A + self.PA):
            first = self.conv_a[subset](x).flatten(1, 2)  # (N, r T, V)
            second = self.conv_b[subset](x).flatten(1, 2)
            similarity = first.transpose(1, 2) @ second / first.shape[1]
            # Each output joint is a weighted sum over all joints, so each column sums to 1.
            adjacency = similarity.softmax(dim=1) + graph
            y = y + self.conv_d[subset]((rows @ adjacency).view_as(x))
        return self.relu(self.bn(y) + self.down(x))


@MODELS.register_module()
class AGCN(AAGCN):
    """2s-AGCN (CVPR 2019, https://arxiv.org/abs/1805.07694), the graph encoder of ISC.

    It has the ten blocks of mmaction2's AAGCN, each with an :class:`AdaptiveGraphConv`. The graph
    is built from the parents of the joints in the layout of the data.

    Args:
        graph_cfg (dict): Options of mmaction2's ``Graph``. :class:`SkeletonEncoder` sets its
            ``layout``. ``mode`` defaults to ``'spatial'``.
        **kwargs: ``in_channels``, ``base_channels``, ``num_person``, ``num_stages``,
            ``inflate_stages``, ``down_stages`` and ``init_cfg`` of mmaction2's ``AAGCN``.

    Raises:
        InputError: If ``graph_cfg`` names one of mmaction2's graphs.
    """

    uses_layout_graph: ClassVar[bool] = True

    def __init__(self, graph_cfg: dict, **kwargs: Any) -> None:
        if not isinstance(graph_cfg.get('layout'), dict):
            raise InputError(
                f'AGCN makes its graph from the layout of the data, but graph_cfg has '
                f'layout={graph_cfg.get("layout")!r}; leave `layout` out of graph_cfg'
            )
        super().__init__({'mode': 'spatial', **graph_cfg}, gcn_attention=False, **kwargs)
        for block in self.gcn:
            block.gcn = AdaptiveGraphConv(block.gcn.in_c, block.gcn.out_c, self.A.clone())
        del self.A  # each block has its own graph
