"""Clips of SLiM: frames are chosen, and interpolated only where there are too few."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.datasets.transforms.temporal import centre_frames, resize_frames
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS


def mirror_to_length(keypoint: np.ndarray, num_frames: int) -> np.ndarray:
    """Play a sequence forward, backward, forward ... until there are enough frames.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        num_frames (int): Least number of frames.

    Returns:
        np.ndarray: A multiple of T frames, shape (M, k T, V, C).
    """
    pieces = [keypoint]
    while len(pieces) * keypoint.shape[1] < num_frames:
        pieces.append(pieces[-1][:, ::-1])
    return np.concatenate(pieces, axis=1)


def choose_frames(length: int, window: int, rng: np.random.Generator) -> np.ndarray:
    """Choose frames of a piece at random, in order.

    A piece that is shorter than the window is taken whole. Of one below twice the window, some
    random frames are left out, but no two that follow each other. A longer one is cut into equal
    stretches, and one random frame of each is taken.

    Args:
        length (int): Frames of the piece.
        window (int): Frames that are wanted.
        rng (np.random.Generator): Source of the random numbers.

    Returns:
        np.ndarray: Indices of frames, ascending, shape (min(length, window),).
    """
    if length < window:
        return np.arange(length)
    if length < 2 * window:
        steps = np.zeros(window + 1, np.int64)
        steps[rng.permutation(window + 1)[: length - window]] = 1
        return np.arange(window) + steps.cumsum()[:-1]
    bounds = np.arange(window + 1) * length // window
    return bounds[:-1] + (rng.random(window) * np.diff(bounds)).astype(np.int64)


def choose_piece(
    available: tuple[int, int],
    num_frames: int,
    window: int,
    ratio: Sequence[float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Choose frames of a random piece of a sequence.

    A piece has at least 16 frames, or as many as the window if that is less, but never below 8. If
    fewer are available, all frames of the sequence are.

    Args:
        available (tuple[int, int]): First frame that may be taken, and the end.
        num_frames (int): Frames of the sequence, T.
        window (int): Frames that are wanted.
        ratio (Sequence[float]): Least and greatest share of the available frames.
        rng (np.random.Generator): Source of the random numbers.

    Returns:
        np.ndarray: Indices of frames, ascending, at most ``window``.
    """
    least = max(8, min(16, window))
    first, end = available
    if end - first < least:
        first, end = 0, num_frames
    size, (low, high) = end - first, ratio
    kept = piece_length(size, low + (high - low) * rng.random(), least)
    start = first + int((size - kept + 1) * rng.random())
    return start + choose_frames(kept, window, rng)


def piece_length(size: int, share: float, least: int) -> int:
    """Return the frames of a piece that is a share of ``size`` frames."""
    return min(max(int(size * share), least), size)


def centre_choice(length: int, clip_len: int, ratio: float) -> np.ndarray:
    """Choose frames at equal distances from the centre of a sequence, see :class:`CentreFrames`.

    Args:
        length (int): Frames of the sequence.
        clip_len (int): Frames that are wanted.
        ratio (float): Share of the sequence.

    Returns:
        np.ndarray: Indices, at most ``clip_len``; the last ones may be beyond the end.
    """
    first, _ = centre_frames(length, ratio)
    kept = piece_length(length, ratio, clip_len)
    if kept < clip_len:
        return first + np.arange(kept)
    return first + np.arange(clip_len) * kept // clip_len


@TRANSFORMS.register_module()
class MirrorFrames(BaseTransform):
    """Prolong a short sequence by its mirror, see :func:`mirror_to_length`.

    Required key: ``keypoint`` (M, T, V, C). Modified key: ``keypoint``. Added key: ``real_frames``,
    the number of frames before.

    Args:
        num_frames (int): Least number of frames. Defaults to 150.
    """

    def __init__(self, num_frames: int = 150) -> None:
        self.num_frames = num_frames

    def transform(self, results: dict) -> dict:
        """Prolong ``results['keypoint']``."""
        results['real_frames'] = results['keypoint'].shape[1]
        results['keypoint'] = mirror_to_length(results['keypoint'], self.num_frames)
        return results


@TRANSFORMS.register_module()
class RandomFrames(BaseTransform):
    """Take frames of a random piece of a sequence, see :func:`choose_piece`.

    With ``num_views``, frames are chosen for several views, but not taken yet. A transform of a
    view then takes those of view ``take``, or others in the range of view ``within``.

    Required keys: ``keypoint`` (M, T, V, C), ``clip_len``, ``rng``; ``chosen_frames`` for ``take``
    and ``within``. Optional key: ``real_frames`` (:class:`MirrorFrames`); a piece has no others.
    Modified key: ``keypoint`` (M, clip_len / divide, V, C). Added key, with ``num_views``:
    ``chosen_frames``, the indices for each view.

    Args:
        ratio (Sequence[float], optional): Least and greatest share of the frames. Not with
            ``take``.
        divide (int): The clip has ``clip_len // divide`` frames, at least 1. Defaults to 1.
        num_views (int, optional): Number of views for which frames are chosen.
        take (int, optional): View whose frames are taken.
        within (int, optional): View in whose range the piece lies.

    Raises:
        InputError: If the ratio is not ascending within (0, 1], or is missing.
    """

    def __init__(
        self,
        ratio: Sequence[float] | None = None,
        divide: int = 1,
        num_views: int | None = None,
        take: int | None = None,
        within: int | None = None,
    ) -> None:
        if (ratio is None) == (take is None) or (ratio and not 0 < ratio[0] <= ratio[1] <= 1):
            raise InputError(
                'RandomFrames takes a ratio that is ascending within (0, 1], or the view whose '
                f'frames it takes, but got ratio={ratio} and take={take}'
            )
        self.ratio = ratio
        self.divide = divide
        self.num_views = num_views
        self.view = take
        self.within = within

    def transform(self, results: dict) -> dict:
        """Choose or take frames of ``results['keypoint']``."""
        if self.num_views is not None:
            results['chosen_frames'] = [self.choose(results) for _ in range(self.num_views)]
            return results
        taken = self.choose(results) if self.view is None else results['chosen_frames'][self.view]
        clip = resize_frames(results['keypoint'].take(taken, axis=1), self._window(results))
        results['keypoint'] = clip
        return results

    def choose(self, results: dict) -> np.ndarray:
        """Choose the frames of one clip."""
        num_frames = results['keypoint'].shape[1]
        available = 0, results.get('real_frames', num_frames)
        if self.within is not None:
            frames = results['chosen_frames'][self.within]
            available = int(frames[0]), int(frames[-1]) + 1
        window = self._window(results)
        return choose_piece(available, num_frames, window, self.ratio, results['rng'])

    def _window(self, results: dict) -> int:
        return max(1, results['clip_len'] // self.divide)


@TRANSFORMS.register_module()
class CentreFrames(BaseTransform):
    """Take frames at equal distances from the centre of a sequence (tests of SLiM).

    The centre has at least ``clip_len`` frames, if there are as many. It may then end in the
    mirrored frames of :class:`MirrorFrames`. A shorter one is resized.

    Required keys: ``keypoint`` (M, T, V, C), ``clip_len``. Optional key: ``real_frames``.
    Modified key: ``keypoint`` (M, clip_len, V, C).

    Args:
        ratio (float): Share of the sequence, in (0, 1]. Defaults to 0.95.
    """

    def __init__(self, ratio: float = 0.95) -> None:
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        """Take frames of ``results['keypoint']``."""
        keypoint, clip_len = results['keypoint'], results['clip_len']
        length = results.get('real_frames', keypoint.shape[1])
        frames = centre_choice(length, clip_len, self.ratio)
        clip = keypoint.take(frames, axis=1, mode='clip')
        results['keypoint'] = resize_frames(clip, clip_len)
        return results
