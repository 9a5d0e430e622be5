import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.models.tokens.patches import patchify


class PatchEmbedding(nn.Conv2d):
    """Linear embedding of patches, with the weight of a convolution over u frames of a joint.

    The weight has the shape of the released code. Unlike a convolution, this layer can embed only
    some of the patches.
    """

    def forward(self, patches: Tensor) -> Tensor:
        """Embed patches (B, K, u C) to tokens (B, K, D)."""
        weight = self.weight[..., 0].transpose(1, 2).flatten(1)  # (D, C, u, 1) -> (D, u C)
        return F.linear(patches, weight, self.bias)


class PatchTransformer(BaseModule):
    """Base class of transformers over patches of frames and joints.

    Attributes:
        num_joints (int): V.
        patch_frames (int): Frames of a patch, u.
        num_layers (int): Number of blocks, for the layer-wise decay of the learning rate.
    """

    num_joints: int
    patch_frames: int
    num_layers: int

    def cut(self, joints: Tensor) -> Tensor:
        """Cut sequences into patches.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).

        Returns:
            Tensor: Step by step, shape (N M, T / u * V, u C).

        Raises:
            InputError: If the number of frames is not a multiple of ``patch_frames``, or the number
                of joints is not ``num_joints``.
        """
        if joints.shape[3] != self.num_joints:
            raise InputError(
                f'{type(self).__name__} was built for {self.num_joints} joints but got '
                f'{joints.shape[3]}; set num_joints of the backbone, or the layout of the model'
            )
        return patchify(joints, self.patch_frames).flatten(1, 2)

    def layer_of(self, name: str) -> int:
        """Return the layer of a parameter, for the layer-wise decay of the learning rate.

        Args:
            name (str): Name of the parameter, such as ``'blocks.0.norm1.weight'``.

        Returns:
            int: 0 for the embedding, the positional codes and the learned tokens, i + 1 for block
            i, depth + 1 for the last norm.
        """
        first, _, rest = name.partition('.')
        if first == 'blocks':
            return int(rest.split('.')[0]) + 1
        return self.num_layers + 1 if first == 'norm' else 0
