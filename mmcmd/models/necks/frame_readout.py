from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.registry import MODELS


@MODELS.register_module()
class FrameReadout(BaseModule):
    """Pooling to a feature of the size of a frame: last valid step, linear layer, tanh (LongT GAN).

    Args:
        in_channels (int): Channels of the map, D. :class:`SkeletonEncoder` sets it.
        out_channels (int): Number of values of a frame. :class:`SkeletonEncoder` sets it.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(self, in_channels: int, out_channels: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.dense = nn.Linear(in_channels, out_channels)

    def forward(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Pool a map.

        Args:
            feature_map (Tensor): Shape (N, M, D, T, V).
            steps (Tensor, optional): Numbers of valid steps, shape (N,). Defaults to all steps.

        Returns:
            Tensor: Shape (N, out_channels), in (-1, 1).
        """
        return self.dense(last_step(feature_map.mean(dim=(1, 4)), steps)).tanh()


def last_step(sequence: Tensor, steps: Tensor | None = None) -> Tensor:
    """Return the last valid step of each sequence.

    Args:
        sequence (Tensor): Shape (N, D, T).
        steps (Tensor, optional): Numbers of valid steps, shape (N,). Defaults to all steps.

    Returns:
        Tensor: Shape (N, D).
    """
    if steps is None:
        return sequence[:, :, -1]
    index = (steps - 1).view(-1, 1, 1).expand(-1, sequence.shape[1], 1)
    return sequence.gather(2, index).squeeze(2)
