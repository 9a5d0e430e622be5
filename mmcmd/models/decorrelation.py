"""Losses without negatives: views agree and channels differ (USDRL, VICReg)."""

from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor


def invariance(views: Sequence[Tensor]) -> Tensor:
    """Mean squared distances of the views to the last one, and of the others to their mean.

    As released, the last view is treated differently, and nothing stops the gradient.

    Args:
        views (Sequence[Tensor]): Embeddings of each view, (N, D).

    Returns:
        Tensor: Shape ().
    """
    *others, last = views
    mean = sum(others) / len(others)
    return sum(F.mse_loss(x, last) + F.mse_loss(x, mean) for x in others)


def variance_covariance(embedding: Tensor, std_weight: float = 5.0, eps: float = 1e-4) -> Tensor:
    """Keep the deviation of each channel above 1, and the channels uncorrelated (VICReg).

    Args:
        embedding (Tensor): Shape (N, D).
        std_weight (float): Weight of the deviations. Defaults to 5.
        eps (float): Added to the variances. Defaults to 1e-4.

    Returns:
        Tensor: Shape ().
    """
    hinge = (1 - (embedding.var(dim=0) + eps).sqrt()).relu().mean()
    centred = embedding - embedding.mean(dim=0)
    covariance = centred.T @ centred / (len(embedding) - 1)
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return std_weight * hinge + off_diagonal / embedding.shape[1]


def cross_correlation(first: Tensor, second: Tensor, off_weight: float = 0.005) -> Tensor:
    """Bring the correlation of each channel of two views to 1, and of different ones to 0.

    As released, the deviation (unbiased) is taken without an epsilon, and the sum is divided by N.
    A channel that is constant over the batch therefore gives NaN.

    Args:
        first (Tensor): Shape (N, D).
        second (Tensor): Shape (N, D).
        off_weight (float): Weight of different channels. Defaults to 0.005.

    Returns:
        Tensor: Shape ().
    """
    scaled = [(x - x.mean(dim=0)) / x.std(dim=0) for x in (first, second)]
    correlation = scaled[0].T @ scaled[1] / len(first)
    own = correlation.diagonal()
    others = correlation.square().sum() - own.square().sum()
    return (own - 1).square().sum() + off_weight * others


def decorrelation_terms(views: Sequence[Tensor]) -> Tensor:
    """Return the three terms of the embeddings of several views, shape (3,)."""
    return torch.stack(
        [
            invariance(views),
            sum(variance_covariance(x) for x in views),
            sum(cross_correlation(*pair) for pair in combinations(views, 2)),
        ]
    )
