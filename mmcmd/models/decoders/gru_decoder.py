from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.models.backbones.kernels import run_forward
from mmcmd.registry import MODELS


@MODELS.register_module()
class GRUDecoder(BaseModule):
    """A GRU over a sequence of features, and a linear layer: one output for each step of time.

    All weights keep torch's default initialisation.

    Args:
        in_channels (int): Size of a feature, D.
        out_channels (int): Size of an output, such as that of a frame, V * C * M.
        hidden_size (int): Hidden units of the GRU. Defaults to 512.
        num_layers (int): Layers of the GRU. It runs forward in time. Defaults to 2.
        bottleneck (bool): Reduce the features to ``hidden_size`` first, by a linear layer,
            BatchNorm over samples and steps, ReLU and another linear layer (PCM3). Defaults to
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

        The results are those of one call for each batch, in this order. The BatchNorm of the
        bottleneck takes each batch by itself.

        Args:
            sequences (Sequence[Tensor]): Features, each of shape (N, T, in_channels).

        Returns:
            list[Tensor]: For each batch its outputs, shape (N, T, out_channels).
        """
        steps = torch.cat([self._reduce(x).transpose(0, 1) for x in sequences], dim=1)
        outputs = self.out(run_forward(self.rnn, steps)).transpose(0, 1)
        return list(outputs.split([len(x) for x in sequences]))

    def _reduce(self, sequence: Tensor) -> Tensor:
        if self.bottleneck is None:
            return sequence
        return self.bottleneck(sequence.flatten(0, 1)).unflatten(0, sequence.shape[:2])
