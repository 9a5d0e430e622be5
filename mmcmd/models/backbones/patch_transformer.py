import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.models.tokens.patches import patchify


class PatchEmbedding(nn.Conv2d):
    """A convolution whose stride is its kernel (u frames of one joint), applied to cut patches.

    Only the patches that are needed are embedded. The weight has the released shape.
    """

    def forward(self, patches: Tensor) -> Tensor:
        """Embed patches (B, K, u C) to tokens (B, K, D)."""
        weight = self.weight[..., 0].transpose(1, 2).flatten(1)  # (D, C, u, 1) -> (D, u C)
        return F.linear(patches, weight, self.bias)


class PatchTransformer(BaseModule):
    """The part that transformers over patches of frames and joints share.

    Attributes:
        num_joints (int): V.
        patch_frames (int): Frames of a patch, u.
        num_layers (int): Number of blocks, for a learning rate that decays from layer to layer.
    """

    num_joints: int
    patch_frames: int
    num_layers: int

    def cut(self, joints: Tensor) -> Tensor:
        """Cut sequences into patches.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).

        Returns:
            Tensor: Time-major, shape (N M, T / u * V, u C).

        Raises:
            InputError: If a patch does not divide the clip, or the joints are too many or too few.
        """
        if joints.shape[3] != self.num_joints:
            raise InputError(
                f'{type(self).__name__} was built for {self.num_joints} joints but got '
                f'{joints.shape[3]}; set num_joints of the backbone, or the layout of the model'
            )
        return patchify(joints, self.patch_frames).flatten(1, 2)

    def layer_of(self, name: str) -> int:
        """Return the layer of a parameter, for a learning rate that decays from layer to layer.

        Args:
            name (str): Such as ``'blocks.0.norm1.weight'``.

        Returns:
            int: 0 for embedding, codes and learnt tokens, i + 1 for block i, depth + 1 for the last
            norm.
        """
        first, _, rest = name.partition('.')
        if first == 'blocks':
            return int(rest.split('.')[0]) + 1
        return self.num_layers + 1 if first == 'norm' else 0
