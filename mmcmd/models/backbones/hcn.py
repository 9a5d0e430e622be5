import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.registry import MODELS

POOLED = 16
"""Factor by which the network reduces the map: four times by two."""


class _Branch(nn.Module):
    """The first four convolutions, for the positions or for the motions of a person."""

    def __init__(
        self, num_joints: int, in_channels: int, channels: int, clip_len: int, dropout: float
    ) -> None:
        super().__init__()
        self.point = nn.Conv2d(in_channels, channels, 1)
        self.time = nn.Conv2d(channels, clip_len, (3, 1), padding=(1, 0))
        self.joints = nn.Conv2d(num_joints, channels // 2, 3, padding=1)
        self.local = nn.Conv2d(channels // 2, channels, 3, padding=1)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Encode (N, C, T, V) to (N, channels, T / 4, clip_len / 4)."""
        x = self.time(self.point(x).relu())
        x = x.transpose(1, 3)  # the joints become the channels: (N, V, T, clip_len)
        x = F.max_pool2d(self.joints(x), 2)
        return F.max_pool2d(self.dropout(self.local(x)), 2)


@MODELS.register_module()
class HCN(BaseModule):
    """HCN (IJCAI 2018, https://arxiv.org/abs/1804.06055), the image encoder of ISC.

    A sequence is an image whose axes are frames and joints. The first convolutions combine the
    frames and coordinates of each joint. Then the joints become the channels, so that the next
    convolutions combine all joints. Positions and their differences over time have separate
    branches. All persons share the weights. The feature is the maximum over persons.

    Args:
        clip_len (int): Number of frames of a clip, T. The size of the feature depends on it,
            because the pooled map is flattened. Defaults to 64.
        num_joints (int): V. Defaults to 25.
        in_channels (int): Coordinates of a joint, C. Defaults to 3.
        channels (int): Channels of the first convolution. Defaults to 64.
        dropout (float): Probability of dropping a channel in three places. Defaults to 0.5.
        init_cfg (dict, optional): Initialisation, as in mmengine. Without it, all weights are
            Xavier-uniform and all biases 0, as in the released code.

    Attributes:
        out_channels (int): Size of the feature, ``4 * channels * (clip_len // 16) ** 2``.

    Raises:
        InputError: If a clip has fewer than 16 frames.
    """

    def __init__(
        self,
        clip_len: int = 64,
        num_joints: int = 25,
        in_channels: int = 3,
        channels: int = 64,
        dropout: float = 0.5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if clip_len < POOLED:
            raise InputError(f'HCN needs clips of {POOLED} frames or more, but clip_len={clip_len}')
        self.clip_len = clip_len
        sizes = num_joints, in_channels, channels, clip_len, dropout
        self.position, self.motion = _Branch(*sizes), _Branch(*sizes)
        self.joined = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)
        self.last = nn.Conv2d(2 * channels, 4 * channels, 3, padding=1)
        self.dropout = nn.Dropout2d(dropout)
        self.out_channels = 4 * channels * (clip_len // POOLED) ** 2
        for name, parameter in self.named_parameters():
            if name.endswith('bias'):
                nn.init.zeros_(parameter)
            else:
                nn.init.xavier_uniform_(parameter)

    def forward(self, joints: Tensor) -> Tensor:
        """Encode a modality (N, M, T, V, C) to a feature (N, out_channels)."""
        return self.read(self.feature_map(joints))

    def feature_map(self, joints: Tensor) -> Tensor:
        """Encode a modality.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).

        Returns:
            Tensor: Shape (N, M, 4 * channels, T // 16, clip_len // 16).

        Raises:
            InputError: If the clips do not have ``clip_len`` frames.
        """
        if joints.shape[2] != self.clip_len:
            raise InputError(
                f'HCN was built for clips of {self.clip_len} frames but got {joints.shape[2]}; set '
                'clip_len of the backbone to that of the config'
            )
        x = joints.flatten(0, 1).permute(0, 3, 1, 2)  # (N M, C, T, V)
        steps = x[:, :, 1:] - x[:, :, :-1]  # ONNX has no `diff`
        motion = F.interpolate(steps, size=x.shape[2:], mode='bilinear')
        x = torch.cat([self.position(x), self.motion(motion)], dim=1)
        for convolution in (self.joined, self.last):
            x = F.max_pool2d(self.dropout(convolution(x).relu()), 2)
        return x.unflatten(0, joints.shape[:2])

    def read(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Reduce a map to one feature per sequence: take the maximum over persons, and flatten.

        Args:
            feature_map (Tensor): Shape (N, M, D, T', W).
            steps (Tensor, optional): Must be None.

        Returns:
            Tensor: Shape (N, D T' W).

        Raises:
            InputError: If not all frames of the clips are valid.
        """
        if steps is not None:
            raise InputError(
                'HCN takes clips whose frames are all valid; use TemporalCropResize in place of '
                'PadFrames, or another encoder'
            )
        return feature_map.amax(dim=1).flatten(1)
