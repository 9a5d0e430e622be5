from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcmd.errors import InputError


def fit_whitening(feature: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Compute the map that whitens features like these.

    Features are L2-normalised and centred on the mean of these ones. They are then multiplied by
    (C + ridge * v I)^(-1/2). C is the covariance of these features and v its mean variance. The
    ridge limits the weight of directions with little variance, which are mostly noise.

    Args:
        feature (Tensor): Features (N, D).
        ridge (float): Multiple of the mean variance, more than 0.

    Returns:
        tuple[Tensor, Tensor]: Mean (D,) and matrix (D, D), float64. ``(normalize(x) - mean) @
        matrix`` is white.

    Raises:
        InputError: If the ridge is not more than 0.
    """
    if not ridge > 0:
        raise InputError(f'whiten must be more than 0, or None, got {ridge}')
    feature = F.normalize(feature.double(), dim=1)
    mean = feature.mean(dim=0)
    feature = feature - mean
    variances, directions = torch.linalg.eigh(feature.T @ feature / len(feature))
    variances = variances.clamp(min=0)
    # The features have length 1, so this is the rounding of float32. All features may be equal.
    scale = (variances + ridge * variances.mean()).clamp(min=1e-14).rsqrt()
    return mean, directions * scale


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
        mean, matrix = fit_whitening(known, ridge)
        for side, feats in zip(whitened, (queries[name], known), strict=True):
            side[name] = ((F.normalize(feats.double(), dim=1) - mean) @ matrix).float()
    return whitened
