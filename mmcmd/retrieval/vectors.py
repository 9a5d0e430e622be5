"""Unit vectors, with which motions are compared."""

from collections.abc import Mapping

import numpy as np
import torch


def unit(features: np.ndarray) -> np.ndarray:
    """Divide each row of (N, D) by its length. Rows of zeros stay zero. The result is float32."""
    tensor = torch.from_numpy(np.array(features, dtype=np.float32, order='C'))
    return torch.nn.functional.normalize(tensor, dim=1).numpy()


def combine(features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return one query for several examples: the unit vector of the mean of their unit vectors.

    Args:
        features (Mapping[str, np.ndarray]): Features (N, D) by stream.

    Returns:
        dict[str, np.ndarray]: Unit vectors (1, D) by stream.
    """
    return {name: unit(unit(x).mean(axis=0, keepdims=True)) for name, x in features.items()}
