from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcmd.errors import InputError

EQUAL = 1e-14
"""Mean variance of features of length 1 that are equal within the rounding of float32."""
SMALLEST = 1e-12
"""Smallest variance of a direction as a share of the largest. Others are noise of rounding."""
CHUNK = 65536
"""Number of features whose covariance is added at a time, in float64."""


def fit_whitening(feature: Tensor, ridge: float) -> tuple[Tensor, Tensor, float]:
    """Compute the mean and the matrix that whiten features.

    The features are L2-normalised. The matrix is (C + ridge * v I)^(-1/2), with their covariance C
    and its mean variance v. The ridge limits the weight of directions with little variance, which
    are mostly noise.

    Args:
        feature (Tensor): Features (N, D).
        ridge (float): Multiple of the mean variance, more than 0.

    Returns:
        tuple[Tensor, Tensor, float]: Mean (D,), symmetric matrix (D, D), both float64, and the mean
        variance of ``(normalize(x) - mean) @ matrix``. If all features are equal, the matrix is 0.

    Raises:
        InputError: If the ridge is not more than 0.
    """
    if not ridge > 0:
        raise InputError(f'whiten must be more than 0, or None, got {ridge}')
    parts = feature.split(CHUNK)
    mean = sum(_unit(x).sum(dim=0) for x in parts) / len(feature)
    size = len(mean)
    if len(feature) < size:
        variances, directions = _few_directions(_unit(feature) - mean)
    else:
        centred = (_unit(x) - mean for x in parts)
        variances, directions = torch.linalg.eigh(sum(x.T @ x for x in centred) / len(feature))
        variances = variances.clamp(min=0)
    average = variances.sum() / size
    if average < EQUAL:
        return mean, mean.new_zeros(size, size), 0.0
    scale = (variances + ridge * average).rsqrt()
    variance = (variances * scale.square()).sum().item() / size
    # Directions without variance, which may be missing, have this scale.
    rest = (ridge * average).rsqrt()
    matrix = (directions * (scale - rest)) @ directions.T
    matrix.diagonal().add_(rest)
    return mean, matrix, variance


def _few_directions(centred: Tensor) -> tuple[Tensor, Tensor]:
    """Return the variances (K,) and unit directions (D, K) of fewer features (N, D) than D.

    The products of the features, (N, N), have the same variances as the covariance (D, D).
    """
    variances, weights = torch.linalg.eigh(centred @ centred.T / len(centred))
    seen = variances > SMALLEST * variances.max()
    variances, weights = variances[seen], weights[:, seen]
    return variances, centred.T @ weights / (variances * len(centred)).sqrt()


def whiten(
    queries: Mapping[str, Tensor], gallery: Mapping[str, Tensor], ridge: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Whiten features by the covariance of the gallery, stream by stream.

    A few directions often hold most of the variance of an encoder's features, and so decide which
    neighbour is the nearest. Whitening gives all directions a similar weight
    (:func:`fit_whitening`). No label is used.

    Args:
        queries (Mapping[str, Tensor]): Features (N, D) by stream.
        gallery (Mapping[str, Tensor]): Features (G, D) by stream.
        ridge (float): Multiple of the mean variance, more than 0.

    Returns:
        tuple[dict[str, Tensor], dict[str, Tensor]]: Whitened queries and gallery, float32.

    Raises:
        InputError: If the ridge is not more than 0.
    """
    whitened: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
    for name, known in gallery.items():
        mean, matrix, _ = fit_whitening(known, ridge)
        for side, feats in zip(whitened, (queries[name], known), strict=True):
            side[name] = ((_unit(feats) - mean) @ matrix).float()
    return whitened


def _unit(feature: Tensor) -> Tensor:
    return F.normalize(feature.double(), dim=1)
