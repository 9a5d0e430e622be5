"""Unit vectors, by which motions are compared."""

from collections.abc import Mapping

import numpy as np
import torch


def unit(features: np.ndarray) -> np.ndarray:
    """Divide each row of (N, D) by its length, as float32. Zeros stay zero."""
    tensor = torch.from_numpy(np.array(features, dtype=np.float32, order='C'))
    return torch.nn.functional.normalize(tensor, dim=1).numpy()


def combine(features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return one query of several examples: the mean of their unit vectors, by stream.

    Args:
        features (Mapping[str, np.ndarray]): Features (N, D) by stream.

    Returns:
        dict[str, np.ndarray]: (1, D) by stream.
    """
    return {name: unit(unit(x).mean(axis=0, keepdims=True)) for name, x in features.items()}
