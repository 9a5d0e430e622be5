from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.models.backbones.kernels import run_forward
from mmcmd.models.necks.frame_readout import last_step
from mmcmd.registry import MODELS


@MODELS.register_module()
class SequenceDiscriminator(BaseModule):
    """Discriminator of LongT GAN: a score for each sequence of frames.

    It consists of a GRU and two linear layers, which get the output of the GRU at the last valid
    frame. The GRU has the weights of two directions, but both run forward in time.

    Args:
        in_channels (int): Number of values of a frame, F.
        hidden_size (int): Number of hidden units of one direction. Defaults to 180.
        num_layers (int): Number of layers of the GRU. Defaults to 3.
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
            frames (Tensor): Shape (N, T, F). Frames after the valid ones are ignored.
            valid (Tensor): Numbers of valid frames, shape (N,).

        Returns:
            Tensor: Scores, shape (N,).
        """
        outputs = run_forward(self.rnn, frames.transpose(0, 1))  # (T, N, 2 * hidden_size)
        last = last_step(outputs.permute(1, 2, 0), valid)
        return self.out(self.hidden(last).relu()).squeeze(1)
