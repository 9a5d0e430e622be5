from torch import Tensor

from mmcmd.errors import InputError


def patch_steps(num_frames: int, patch_frames: int) -> int:
    """Return the number of patches of a joint over time.

    Args:
        num_frames (int): Frames of a clip, T.
        patch_frames (int): Frames of a patch, u.

    Returns:
        int: T / u.

    Raises:
        InputError: If the number of frames is not a multiple of ``patch_frames``.
    """
    if num_frames % patch_frames:
        raise InputError(
            f'a clip of {num_frames} frames cannot be cut into patches of {patch_frames} frames; '
            'set model.backbone.patch_frames to a number that divides clip_len'
        )
    return num_frames // patch_frames


def patchify(joints: Tensor, patch_frames: int) -> Tensor:
    """Cut sequences into patches. A patch holds some frames of one joint of one person.

    Each person becomes a separate sample, even if all its values are zero.

    Args:
        joints (Tensor): Shape (N, M, T, V, C).
        patch_frames (int): Frames of a patch, u.

    Returns:
        Tensor: Shape (N M, T / u, V, u C). The values of a patch are in the order frame,
        coordinate.

    Raises:
        InputError: If the number of frames is not a multiple of ``patch_frames``.
    """
    steps = patch_steps(joints.shape[2], patch_frames)
    patches = joints.flatten(0, 1).unflatten(1, (steps, patch_frames))
    return patches.transpose(2, 3).flatten(3)


def take_tokens(tokens: Tensor, index: Tensor) -> Tensor:
    """Take tokens of each sequence by index.

    Args:
        tokens (Tensor): Shape (B, L, D).
        index (Tensor): Indices of the tokens to take, shape (B, K).

    Returns:
        Tensor: Shape (B, K, D).
    """
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[2]))
