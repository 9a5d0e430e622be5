"""Recognise key points with a confidence in place of z, and separate the two."""

import numpy as np

from mmcmd.errors import InputError

_SMALLEST_IMAGE = 10.0
"""If the third number lies in [0, 1] and a coordinate is larger than this, the coordinates are
pixels. In metres nobody stands so far from the origin, and in millimetres the third number would be
larger."""


def looks_like_confidence(keypoint: np.ndarray) -> bool:
    """Return whether the third numbers look like confidences, and not like depths.

    Args:
        keypoint (np.ndarray): Shape (..., 3).
    """
    if keypoint.shape[-1:] != (3,) or not keypoint.size or keypoint.dtype.kind not in 'fiu':
        return False
    third = keypoint[..., 2]
    if not (third.min() >= 0 and third.max() <= 1):  # false with NaN too
        return False
    return bool(np.abs(keypoint[..., :2]).max() > _SMALLEST_IMAGE)


def split_confidence(keypoint: np.ndarray, threshold: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Separate key points and confidences.

    Args:
        keypoint (np.ndarray): x, y and confidence, shape (..., 3).
        threshold (float): A joint with a confidence up to this value is missing: x and y become
            zero. Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray]: Key points (..., 2) and confidences (...).
    """
    points, scores = keypoint[..., :2].copy(), keypoint[..., 2].copy()
    points[~(scores > threshold)] = 0
    return points, scores


class ThirdNumber:
    """The meaning of the third number of a joint: z or a confidence.

    Args:
        dimensions (int, optional): 3 if the third number is z, 2 if it is a confidence. By default
            the numbers decide, see :func:`looks_like_confidence`.
        confidence (float, optional): A joint with a confidence up to this value is missing. If this
            is given, the third number is a confidence. Defaults to 0.

    Raises:
        InputError: If an option has a wrong value.
    """

    def __init__(self, dimensions: int | None = None, confidence: float | None = None) -> None:
        if dimensions not in (None, 2, 3):
            raise InputError(f'dimensions must be 2 or 3, got {dimensions}')
        if confidence is not None and (dimensions == 3 or not 0 <= confidence < 1):
            raise InputError(
                f'confidence {confidence:g} must lie in [0, 1), and needs points of 2 dimensions'
            )
        self.threshold = confidence or 0.0
        self.dimensions = 2 if confidence is not None else dimensions

    def take(
        self, keypoint: np.ndarray, turned: bool, name: str
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Separate key points and confidences, if there are confidences.

        Args:
            keypoint (np.ndarray): Shape (..., 2 or 3).
            turned (bool): Whether the layout turns bodies, which needs z.
            name (str): Name of the sequence in messages.

        Returns:
            tuple[np.ndarray, np.ndarray | None]: Key points (..., 2 or 3), and confidences (...) or
            None.

        Raises:
            ValueError: If the layout turns bodies, and there is no z.
        """
        scores = None
        told = self.dimensions is not None
        is_confidence = self.dimensions == 2 if told else looks_like_confidence(keypoint)
        if is_confidence and keypoint.shape[-1] == 3:
            keypoint, scores = split_confidence(keypoint, self.threshold)
        if turned and scores is not None and not told:
            raise ValueError(
                f'{name}: x and y are pixels and the third number lies in [0, 1], as a confidence '
                'does: give a layout without spine and shoulders, or --dimensions 3 if it is z'
            )
        if turned and keypoint.shape[-1] == 2:
            raise ValueError(
                f'{name}: has only x and y, so the layout must have no spine and no shoulders'
            )
        return keypoint, scores
