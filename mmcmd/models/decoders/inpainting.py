import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.models.backbones.kernels import run_forward
from mmcmd.registry import MODELS


@MODELS.register_module()
class InpaintingDecoder(BaseModule):
    """GRUs that read a feature and a masked sequence and predict the full sequence (LongT GAN).

    The number of units of the last GRU is the number of values of a frame. Its outputs are the
    frames. They lie in (-1, 1).

    Args:
        in_channels (int): Number of values of a frame, F. The feature has the same size.
        hidden_size (int): Hidden units of the other layers. Defaults to 800.
        num_layers (int): Number of the other layers. Defaults to 2.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_size: int = 800,
        num_layers: int = 2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.rnn = nn.GRU(in_channels, hidden_size, num_layers)
        self.out = nn.GRU(hidden_size, in_channels)

    def forward(self, feature: Tensor, masked: Tensor) -> Tensor:
        """Predict full sequences.

        Args:
            feature (Tensor): Shape (N, F).
            masked (Tensor): Masked frames, shape (N, T, F).

        Returns:
            Tensor: The output at each frame, shape (N, T, F). The output at the feature is not
            used.
        """
        steps = torch.cat([feature[:, None], masked], dim=1).transpose(0, 1)
        return run_forward(self.out, run_forward(self.rnn, steps))[1:].transpose(0, 1)
