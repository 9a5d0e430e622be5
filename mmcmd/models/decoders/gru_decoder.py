from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.models.backbones.kernels import run_forward
from mmcmd.registry import MODELS


@MODELS.register_module()
class GRUDecoder(BaseModule):
    """A GRU over a sequence of features, and a linear layer that gives an output per step.

    All weights keep torch's default initialisation.

    Args:
        in_channels (int): Size of a feature, D.
        out_channels (int): Size of an output, for example of a frame, V * C * M.
        hidden_size (int): Number of hidden units of the GRU. Defaults to 512.
        num_layers (int): Number of layers of the GRU, which runs forward in time. Defaults to 2.
        bottleneck (bool): First reduce the features to ``hidden_size`` with a linear layer, a
            BatchNorm over samples and steps, a ReLU and another linear layer (PCM3). Defaults to
            False.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_size: int = 512,
        num_layers: int = 2,
        bottleneck: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.bottleneck = None
        if bottleneck:
            self.bottleneck = nn.Sequential(
                nn.Linear(in_channels, hidden_size),
                nn.BatchNorm1d(hidden_size),
                nn.ReLU(),
                nn.Linear(hidden_size, hidden_size),
            )
        self.rnn = nn.GRU(hidden_size if bottleneck else in_channels, hidden_size, num_layers)
        self.out = nn.Linear(hidden_size, out_channels)

    def forward(self, sequence: Tensor) -> Tensor:
        """Decode features (N, T, in_channels) to outputs (N, T, out_channels)."""
        return self.decode([sequence])[0]

    def decode(self, sequences: Sequence[Tensor]) -> list[Tensor]:
        """Run the GRU once over several batches.

        The results are the same as with one call per batch, in this order. The BatchNorm of the
        bottleneck processes each batch separately.

        Args:
            sequences (Sequence[Tensor]): Features, each of shape (N, T, in_channels).

        Returns:
            list[Tensor]: The outputs for each batch, shape (N, T, out_channels).
        """
        steps = torch.cat([self._reduce(x).transpose(0, 1) for x in sequences], dim=1)
        outputs = self.out(run_forward(self.rnn, steps)).transpose(0, 1)
        return list(outputs.split([len(x) for x in sequences]))

    def _reduce(self, sequence: Tensor) -> Tensor:
        if self.bottleneck is None:
            return sequence
        return self.bottleneck(sequence.flatten(0, 1)).unflatten(0, sequence.shape[:2])
