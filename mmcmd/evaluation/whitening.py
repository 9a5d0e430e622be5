from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcmd.errors import InputError


def whiten(
    queries: Mapping[str, Tensor], gallery: Mapping[str, Tensor], ridge: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Whiten features by the covariance of the gallery, stream by stream.

    A few directions often hold most of the variance of an encoder's features, and so decide which
    neighbour is the nearest. Whitening gives all directions a similar weight. The ridge limits the
    weight of directions with little variance, which are mostly noise. No label is used.

    The features are L2-normalised and centred on the mean of the gallery. They are then multiplied
    by (C + ridge * v I)^(-1/2). C is the covariance of the gallery and v its mean variance.

    Args:
        queries (Mapping[str, Tensor]): Features (N, D) by stream.
        gallery (Mapping[str, Tensor]): Features (G, D) by stream.
        ridge (float): Multiple of the mean variance, more than 0.

    Returns:
        tuple[dict[str, Tensor], dict[str, Tensor]]: Whitened queries and gallery, float32.

    Raises:
        InputError: If the ridge is not more than 0.
    """
    if not ridge > 0:
        raise InputError(f'whiten of KNNMetric must be more than 0, or None, got {ridge}')
    whitened: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
    for name, known in gallery.items():
        known, asked = (F.normalize(x.double(), dim=1) for x in (known, queries[name]))
        mean = known.mean(dim=0)
        known, asked = known - mean, asked - mean
        variances, directions = torch.linalg.eigh(known.T @ known / len(known))
        variances = variances.clamp(min=0)
        tiny = torch.finfo(variances.dtype).tiny  # all sequences of the gallery may be equal
        scale = (variances + ridge * variances.mean()).clamp(min=tiny).rsqrt()
        for side, feats in zip(whitened, (asked, known), strict=True):
            side[name] = ((feats @ directions) * scale).float()
    return whitened
