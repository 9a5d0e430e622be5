from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.registry import MODELS


@MODELS.register_module()
class RawCoordinates(BaseModule):
    """An encoder without parameters. Its feature holds the coordinates of the sequence.

    It is a baseline for learned encoders, for all modalities and evaluations.

    Args:
        num_joints (int): V. Defaults to 25.
        num_person (int): M. Defaults to 2.
        in_channels (int): C. Defaults to 3.
        clip_len (int): T, in frames. Defaults to 64.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Attributes:
        out_channels (int): Size of the feature, M * T * V * C.
    """

    def __init__(
        self,
        num_joints: int = 25,
        num_person: int = 2,
        in_channels: int = 3,
        clip_len: int = 64,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.shape = (num_person, clip_len, num_joints, in_channels)
        self.out_channels = num_person * clip_len * num_joints * in_channels

    def feature_map(self, inputs: Tensor) -> Tensor:
        """Flatten sequences (N, M, T, V, C) to a map (N, 1, D, 1, 1).

        Raises:
            InputError: If the shape of the sequences does not match the arguments.
        """
        if tuple(inputs.shape[1:]) != self.shape:
            raise InputError(
                f'RawCoordinates was built for sequences (M, T, V, C) of shape {self.shape}, but '
                f'got {tuple(inputs.shape[1:])}; set data.num_person, or clip_len and '
                'in_channels of model.backbone, to those of the data'
            )
        return inputs.flatten(1)[:, None, :, None, None]

    def read(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Return the feature (N, D) of a map (N, 1, D, 1, 1)."""
        return feature_map[:, 0, :, 0, 0]

    def forward(self, inputs: Tensor) -> Tensor:
        """Flatten sequences (N, M, T, V, C) to features (N, D)."""
        return self.read(self.feature_map(inputs))
