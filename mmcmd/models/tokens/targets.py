"""Targets to predict for each token, and the error of the prediction."""

import torch
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.tokens.patches import patchify
from mmcmd.registry import MODELS


@MODELS.register_module()
class JointTarget:
    """Predict the coordinates of the joints (SkeletonMAE).

    Args:
        normalize (bool): Standardise each patch with its own mean and (unbiased) variance. Defaults
            to True.
    """

    def __init__(self, normalize: bool = True) -> None:
        self.normalize = normalize

    def __call__(self, joints: Tensor, patch_frames: int) -> Tensor:
        """Return the target of each token.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).
            patch_frames (int): Frames of a patch, u.

        Returns:
            Tensor: Shape (N M, T' V, u C).
        """
        target = patchify(self.values(joints), patch_frames).flatten(1, 2)
        if self.normalize:
            variance, mean = torch.var_mean(target, dim=2, keepdim=True)
            target = (target - mean) / (variance + 1e-6).sqrt()
        return target

    def values(self, joints: Tensor) -> Tensor:
        """Return the values that are cut into patches, shape (N, M, T, V, C)."""
        return joints


@MODELS.register_module()
class MotionTarget(JointTarget):
    """Predict the motion of the joints (MAMP, Sec. 3.4).

    The motion is the difference to the position ``stride`` frames later. In the last frames it is
    0.

    Args:
        stride (int): Number of frames between the two positions. Defaults to 1.
        normalize (bool): Standardise each patch. Defaults to True.

    Raises:
        InputError: If the stride is below 1.
    """

    def __init__(self, stride: int = 1, normalize: bool = True) -> None:
        super().__init__(normalize)
        if stride < 1:
            raise InputError(f'stride={stride} of MotionTarget must be at least 1; correct it')
        self.stride = stride

    def values(self, joints: Tensor) -> Tensor:
        """Return the motion of sequences (N, M, T, V, C), in the same shape."""
        motion = joints[:, :, self.stride :] - joints[:, :, : -self.stride]
        return torch.cat([motion, torch.zeros_like(joints[:, :, : self.stride])], dim=2)


def masked_token_error(prediction: Tensor, target: Tensor, removed: Tensor) -> Tensor:
    """Return the mean squared error over the removed tokens, in float32 or wider.

    Args:
        prediction (Tensor): Shape (B, L, F).
        target (Tensor): Same shape as ``prediction``.
        removed (Tensor): True where a token was removed, shape (B, L).

    Returns:
        Tensor: Shape ().
    """
    wide = torch.promote_types(prediction.dtype, torch.float32)
    error = (prediction.to(wide) - target).square().mean(dim=2)
    return (error * removed).sum() / removed.sum()
