"""Losses without negatives: invariant views and decorrelated channels (USDRL, VICReg)."""

from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor


def invariance(views: Sequence[Tensor]) -> Tensor:
    """Sum two mean squared distances over all views except the last: to the last, and to the mean.

    The mean is that of all views except the last. As in the released code, the last view is a
    special case, and all views have a gradient.

    Args:
        views (Sequence[Tensor]): Embeddings of each view, (N, D).

    Returns:
        Tensor: The loss, shape ().
    """
    *others, last = views
    mean = sum(others) / len(others)
    return sum(F.mse_loss(x, last) + F.mse_loss(x, mean) for x in others)


def variance_covariance(embedding: Tensor, std_weight: float = 5.0, eps: float = 1e-4) -> Tensor:
    """Penalise channels with a standard deviation below 1 and correlated channels (VICReg).

    Args:
        embedding (Tensor): Shape (N, D).
        std_weight (float): Weight of the standard deviations. Defaults to 5.
        eps (float): Added to the variances. Defaults to 1e-4.

    Returns:
        Tensor: The loss, shape ().
    """
    hinge = (1 - (embedding.var(dim=0) + eps).sqrt()).relu().mean()
    centred = embedding - embedding.mean(dim=0)
    covariance = centred.T @ centred / (len(embedding) - 1)
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return std_weight * hinge + off_diagonal / embedding.shape[1]


def cross_correlation(first: Tensor, second: Tensor, off_weight: float = 0.005) -> Tensor:
    """Move the correlation of equal channels of two views to 1, of different channels to 0.

    As in the released code, there is no epsilon in the (unbiased) standard deviation, and the sum
    is divided by N. A channel that is constant over the batch therefore gives NaN.

    Args:
        first (Tensor): Embeddings of one view, shape (N, D).
        second (Tensor): Embeddings of another view, shape (N, D).
        off_weight (float): Weight of the correlations of different channels. Defaults to 0.005.

    Returns:
        Tensor: The loss, shape ().
    """
    scaled = [(x - x.mean(dim=0)) / x.std(dim=0) for x in (first, second)]
    correlation = scaled[0].T @ scaled[1] / len(first)
    own = correlation.diagonal()
    others = correlation.square().sum() - own.square().sum()
    return (own - 1).square().sum() + off_weight * others


def decorrelation_terms(views: Sequence[Tensor]) -> Tensor:
    """Return the three loss terms (3,) for the embeddings (N, D) of several views."""
    return torch.stack(
        [
            invariance(views),
            sum(variance_covariance(x) for x in views),
            sum(cross_correlation(*pair) for pair in combinations(views, 2)),
        ]
    )
