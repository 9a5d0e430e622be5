"""Masks that remove tokens. They take their random numbers as an argument.

A test can therefore use given numbers, for example numbers recorded from other code. Each row of
the numbers belongs to one person of one sequence.
"""

import torch
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.registry import MODELS


class TokenMask:
    """Base class of masks. It computes how many tokens are kept.

    Args:
        ratio (float): Fraction of the tokens to remove. Defaults to 0.9.

    Raises:
        InputError: If the ratio is not between 0 and 1.
    """

    def __init__(self, ratio: float = 0.9) -> None:
        if not 0 < ratio < 1:
            raise InputError(
                f'a mask removes a share of the tokens between 0 and 1, but got ratio={ratio}; '
                'correct model.masking'
            )
        self.ratio = ratio

    def num_kept(self, num_tokens: int) -> int:
        """Return how many of L tokens are kept: ``int(L * (1 - ratio))``, in floating point.

        As in the released code, a ratio of 0.9 keeps 74 of 750 tokens, not 75.

        Raises:
            InputError: If no token or all tokens would be kept.
        """
        kept = int(num_tokens * (1 - self.ratio))
        if not 0 < kept < num_tokens:
            raise InputError(
                f'a mask of ratio {self.ratio} keeps {kept} of {num_tokens} tokens, but at least '
                'one must be kept and one removed; correct model.masking.ratio'
            )
        return kept

    def __call__(self, patches: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Choose the tokens to keep.

        Args:
            patches (Tensor): Shape (B, T', V, u C), see :func:`patchify`.
            uniform (Tensor): Uniform random numbers in [0, 1), shape (B, T' V).

        Returns:
            tuple[Tensor, Tensor]: Indices of the kept tokens, sorted by score, shape (B, K), and a
            mask that is True where a token is removed, shape (B, T' V).
        """
        order = self.scores(patches, uniform).argsort(dim=1)
        keep = order[:, : self.num_kept(order.shape[1])]
        removed = torch.ones_like(order, dtype=torch.bool).scatter_(1, keep, False)
        return keep, removed

    def scores(self, patches: Tensor, uniform: Tensor) -> Tensor:
        """Return a score for each token, (B, T' V). Tokens with the smallest scores are kept."""
        raise NotImplementedError


@MODELS.register_module()
class RandomTokenMask(TokenMask):
    """Remove random tokens (SkeletonMAE)."""

    def scores(self, patches: Tensor, uniform: Tensor) -> Tensor:
        """Return the random numbers, (B, T' V)."""
        return uniform


@MODELS.register_module()
class MotionAwareMask(TokenMask):
    """Remove tokens with a probability that grows with their motion (MAMP, Sec. 3.3).

    The motion of a token is its mean absolute difference to the previous patch of the same joint.
    The motion of the first patch is set to that of the second patch. A person whose values are all
    zero has no motion, and its removed tokens are random.

    Args:
        ratio (float): Fraction of the tokens to remove. Defaults to 0.9.
        tau (float): Temperature of the softmax over the motion, which is first divided by its
            largest value. Defaults to 0.8.

    Raises:
        InputError: If ``tau`` is not positive. In this case, the released code removes random
            tokens without a message.
    """

    def __init__(self, ratio: float = 0.9, tau: float = 0.8) -> None:
        super().__init__(ratio)
        if tau <= 0:
            raise InputError(
                f'tau={tau} of MotionAwareMask must be positive; for random tokens set '
                "model.masking.type to 'RandomTokenMask'"
            )
        self.tau = tau

    def scores(self, patches: Tensor, uniform: Tensor) -> Tensor:
        """Return log-probabilities with Gumbel noise, (B, T' V). The largest are removed."""
        motion = patches.diff(dim=1).abs().mean(dim=3)
        # With one patch there is no difference, so the motion is 0.
        first = motion[:, :1] if motion.shape[1] else torch.zeros_like(patches[..., 0])
        motion = torch.cat([first, motion], dim=1).flatten(1)
        intensity = motion / (self.tau * motion.amax(dim=1, keepdim=True) + 1e-10)
        gumbel = -(-(uniform + 1e-10).log() + 1e-10).log()
        return intensity.log_softmax(dim=1) + gumbel
