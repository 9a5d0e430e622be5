"""Transforms along time: crop, resize, pad, mirror, blur and reverse."""

from functools import lru_cache

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.datasets.transforms.recordings import check_recording
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS


@lru_cache(maxsize=4096)
def _neighbours(length: int, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two frames around each new frame (2, num_frames), and its share of the second."""
    position = (np.arange(num_frames) + 0.5) * length / num_frames - 0.5
    position = position.clip(0, length - 1)
    before = position.astype(np.intp)
    after = np.minimum(before + 1, length - 1)
    return np.stack([before, after]), (position - before)[:, None, None]


def resize_frames(keypoint: np.ndarray, num_frames: int) -> np.ndarray:
    """Interpolate coordinates linearly along time (``align_corners=False``).

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C), T >= 1.
        num_frames (int): Frames of the result.

    Returns:
        np.ndarray: Shape (M, num_frames, V, C), same dtype.
    """
    if keypoint.shape[1] == num_frames:  # for example, every short crop of 64 frames
        return keypoint.copy()
    neighbours, weight = _neighbours(keypoint.shape[1], num_frames)
    before, after = keypoint.take(neighbours, axis=1).swapaxes(0, 1)
    resized = after - before
    resized *= weight.astype(keypoint.dtype)
    resized += before
    return resized


def centre_frames(length: int, ratio: float) -> tuple[int, int]:
    """Return the first frame and the number of frames of the centre of a sequence.

    Args:
        length (int): Frames of the sequence.
        ratio (float): Share of the sequence that is kept, in (0, 1].
    """
    margin = int((1 - ratio) * length / 2)
    return margin, length - 2 * margin


@TRANSFORMS.register_module()
class TemporalCropResize(BaseTransform):
    """Cut a piece out of a sequence and resize it to ``clip_len`` frames.

    If ``ratio`` is a number, the piece is the centre of the sequence (for testing). If it is a
    pair, the share of the sequence is drawn uniformly between the two values, and the start is
    random (for training).

    Required keys: ``keypoint`` (M, T, V, C), ``clip_len``, and ``rng`` for a random crop.
    Modified key: ``keypoint`` (M, clip_len, V, C). Added key: ``crop`` (first frame, length).

    Args:
        ratio (float | tuple[float, float]): Share of the sequence that is kept, in (0, 1].
        min_frames (int): Least number of frames of a random crop. A shorter sequence is kept whole.
            Defaults to 64.

    Raises:
        InputError: If a ratio is outside (0, 1] or the pair is not ascending.
    """

    def __init__(
        self, ratio: float | tuple[float, float] = (0.1, 1.0), min_frames: int = 64
    ) -> None:
        low, high = ratio if isinstance(ratio, (tuple, list)) else (ratio, ratio)
        if not 0 < low <= high <= 1:
            raise InputError(f'ratio {ratio} of a temporal crop must be ascending within (0, 1]')
        self.ratio = ratio
        self.min_frames = min_frames

    def crop(self, length: int, rng: np.random.Generator | None) -> tuple[int, int]:
        """Choose the first frame and the number of frames of a crop.

        Args:
            length (int): Frames of the sequence.
            rng (np.random.Generator, optional): Generator of the sample; a crop of the centre does
                not need it.
        """
        if not isinstance(self.ratio, (tuple, list)):
            return centre_frames(length, self.ratio)
        low, high = self.ratio
        kept = int(length * (low + (high - low) * rng.random()))
        kept = min(max(kept, self.min_frames), length)
        return int((length - kept + 1) * rng.random()), kept

    def transform(self, results: dict) -> dict:
        """Crop and resize ``results['keypoint']``."""
        keypoint, clip_len = results['keypoint'], results['clip_len']
        first, kept = self.crop(keypoint.shape[1], results.get('rng'))
        results['keypoint'] = resize_frames(keypoint[:, first : first + kept], clip_len)
        results['crop'] = first, kept
        return results


@TRANSFORMS.register_module()
class PadFrames(BaseTransform):
    """Keep the first ``clip_len`` frames, and pad a shorter sequence at its end.

    Required keys: ``keypoint`` (M, T, V, C), ``clip_len``.
    Modified key: ``keypoint`` (M, clip_len, V, C). Added key: ``valid_frames``, the number of
    frames that are not padding; the model reads it (:func:`mmcmd.structures.get_valid_frames`) if
    ``PackActionInputs`` has it among its ``meta_keys``.

    Args:
        count_valid (bool): Add ``valid_frames``. Without it, a model treats the padding like other
            frames, as AS-CAL does. Defaults to True.
        repeat (bool): Pad by repeating the sequence, as MS2L does, instead of zeros. Defaults to
            False.

    Raises:
        InputError: If a sequence has no frame, or is not a recording (:func:`check_recording`).
    """

    def __init__(self, count_valid: bool = True, repeat: bool = False) -> None:
        self.count_valid = count_valid
        self.mode = 'wrap' if repeat else 'constant'

    def transform(self, results: dict) -> dict:
        """Cut or pad ``results['keypoint']``.

        Raises:
            InputError: If the sequence has no frame, or is not a recording.
        """
        keypoint, clip_len = results['keypoint'][:, : results['clip_len']], results['clip_len']
        missing = clip_len - keypoint.shape[1]
        if missing == clip_len:
            name = results.get('frame_dir', 'the sample')
            raise InputError(f'{name} has no valid frame; leave it out of the annotation file')
        check_recording(results)
        if self.count_valid:
            results['valid_frames'] = keypoint.shape[1]
        results['keypoint'] = np.pad(keypoint, ((0, 0), (0, missing), (0, 0), (0, 0)), self.mode)
        return results


def mirror_crop(keypoint: np.ndarray, start: int, padding: int) -> np.ndarray:
    """Mirror frames at both ends of a sequence, and cut out a piece of the original length.

    The end frames are repeated: the first frame that is added before frame 0 is frame 0 again.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        start (int): First frame of the piece in the padded sequence, in [0, 2 * padding].
        padding (int): Frames that are added at each end, at most T.

    Returns:
        np.ndarray: Shape (M, T, V, C), same dtype.
    """
    frames = keypoint.shape[1]
    index = np.arange(frames) + start - padding
    index = np.where(index < 0, -1 - index, index)
    return keypoint.take(np.where(index < frames, index, 2 * frames - 1 - index), axis=1)


def blur_time(keypoint: np.ndarray, sigma: float) -> np.ndarray:
    """Blur coordinates along time with 15 Gaussian taps, exp(-i^2 / (2 sigma^2)), |i| <= 7.

    As in the released code of AimCLR, the taps do not sum to 1, so the blur also scales. Frames
    beyond the ends count as zero.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        sigma (float): Width of the Gaussian in frames, greater than 0.

    Returns:
        np.ndarray: Shape (M, T, V, C), same dtype.
    """
    persons, frames = keypoint.shape[:2]
    distance = np.abs(np.subtract.outer(np.arange(frames), np.arange(frames)))
    taps = np.exp(-(distance**2) / (2 * sigma**2)) * (distance <= 7)
    flat = keypoint.reshape(persons, frames, -1)
    return (taps.astype(keypoint.dtype) @ flat).reshape(keypoint.shape)


def flip_time(keypoint: np.ndarray) -> np.ndarray:
    """Reverse the order of the frames of (M, T, V, C)."""
    return keypoint[:, ::-1].copy()


@TRANSFORMS.register_module()
class ResizeFrames(BaseTransform):
    """Resize each person to a number of frames, see :func:`resize_frames`.

    Required keys: ``keypoint`` (M, T, V, C), and ``clip_len`` if ``num_frames`` is not given.
    Modified key: ``keypoint`` (M, num_frames, V, C).

    Args:
        num_frames (int, optional): Defaults to the ``clip_len`` of the sample.
    """

    def __init__(self, num_frames: int | None = None) -> None:
        self.num_frames = num_frames

    def transform(self, results: dict) -> dict:
        """Resize ``results['keypoint']``."""
        num_frames = self.num_frames or results['clip_len']
        results['keypoint'] = resize_frames(results['keypoint'], num_frames)
        return results
