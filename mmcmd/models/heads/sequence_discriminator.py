from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.models.backbones.kernels import run_forward
from mmcmd.models.necks.frame_readout import last_step
from mmcmd.registry import MODELS


@MODELS.register_module()
class SequenceDiscriminator(BaseModule):
    """The discriminator of LongT GAN: a score for a sequence of frames.

    It is a GRU with the weights of two directions, which both run forward in time, and two layers
    on the output of the last valid frame.

    Args:
        in_channels (int): Values of a frame, F.
        hidden_size (int): Hidden units of one direction. Defaults to 180.
        num_layers (int): Layers of the GRU. Defaults to 3.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_size: int = 180,
        num_layers: int = 3,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.rnn = nn.GRU(in_channels, hidden_size, num_layers, bidirectional=True)
        self.hidden = nn.Linear(2 * hidden_size, 2 * hidden_size)
        self.out = nn.Linear(2 * hidden_size, 1)

    def forward(self, frames: Tensor, valid: Tensor) -> Tensor:
        """Score sequences.

        Args:
            frames (Tensor): Shape (N, T, F). Frames behind the valid ones are not seen.
            valid (Tensor): Valid frames, shape (N,).

        Returns:
            Tensor: Scores, shape (N,).
        """
        outputs = run_forward(self.rnn, frames.transpose(0, 1))  # (T, N, 2 * hidden_size)
        last = last_step(outputs.permute(1, 2, 0), valid)
        return self.out(self.hidden(last).relu()).squeeze(1)
