"""Key points of an image with a confidence: told from coordinates in space, and taken apart."""

import numpy as np

_SMALLEST_IMAGE = 10.0
"""Coordinates beyond it are pixels, if the third number lies in [0, 1]: nobody stands so far from
the origin in metres, and in millimetres the third number is larger."""


def looks_like_confidence(keypoint: np.ndarray) -> bool:
    """Return whether the third numbers seem to be confidences, and not depths.

    Args:
        keypoint (np.ndarray): Shape (..., 3).
    """
    if keypoint.shape[-1] != 3 or not keypoint.size:
        return False
    third = keypoint[..., 2]
    if not (third.min() >= 0 and third.max() <= 1):  # false with NaN too
        return False
    return bool(np.abs(keypoint[..., :2]).max() > _SMALLEST_IMAGE)


def split_confidence(keypoint: np.ndarray, threshold: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Take key points and confidences apart.

    Args:
        keypoint (np.ndarray): x, y and confidence, shape (..., 3).
        threshold (float): A joint whose confidence is not above it is missing: x and y become
            zero. Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray]: Key points (..., 2) and confidences (...).
    """
    points, scores = keypoint[..., :2].copy(), keypoint[..., 2].copy()
    points[~(scores > threshold)] = 0
    return points, scores
