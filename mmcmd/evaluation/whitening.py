from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcmd.errors import InputError

EQUAL = 1e-14
"""Mean variance of features of length 1 that are equal within the rounding of float32."""
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
    centred = (_unit(x) - mean for x in parts)
    covariance = sum(x.T @ x for x in centred) / len(feature)
    variances, directions = torch.linalg.eigh(covariance)
    variances = variances.clamp(min=0)
    if variances.mean() < EQUAL:
        return mean, torch.zeros_like(covariance), 0.0
    scale = (variances + ridge * variances.mean()).rsqrt()
    variance = (variances * scale.square()).mean().item()
    return mean, (directions * scale) @ directions.T, variance


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
