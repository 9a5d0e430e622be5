"""Cut a long recording into windows, and keep the best of windows that overlap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from mmaction.evaluation.functional.accuracy import pairwise_temporal_iou

from mmcmd.errors import InputError
from mmcmd.inference.base import Source
from mmcmd.inference.encoder import Features, SkeletonEncoderInferencer
from mmcmd.inference.recordings import Recording
from mmcmd.inference.sources import RecordingList
from mmcmd.retrieval import MotionIndex


@dataclass(frozen=True)
class Windows:
    """Encoded windows of one recording.

    Attributes:
        segments (np.ndarray): First frame and frame after the last one, int64, shape (W, 2).
        features (Features): Features of the windows.
        num_frames (int): Frames of the recording.
    """

    segments: np.ndarray
    features: Features
    num_frames: int

    def similarities(
        self, features: Mapping[str, np.ndarray], stream: str | None = None
    ) -> np.ndarray:
        """Return the cosine similarity of each window to a motion, shape (W,).

        Args:
            features (Mapping[str, np.ndarray]): Features (1, D) of the motion by stream.
            stream (str, optional): Stream that is compared. Defaults to all streams together.
        """
        count = len(self.segments)
        index = MotionIndex(self.features.streams, [str(row) for row in range(count)])
        (found,) = index.search(features, count, stream)
        scores = np.full(count, -np.inf)
        scores[[x.row for x in found]] = [x.similarity for x in found]
        return scores


def sliding_windows(num_frames: int, length: int, stride: int) -> np.ndarray:
    """Return windows that cover a recording. The last window ends at the end of the recording.

    Args:
        num_frames (int): Frames of the recording.
        length (int): Frames of a window. A recording that is shorter than this is one window.
        stride (int): Frames from the start of a window to the start of the next one.

    Returns:
        np.ndarray: First frame and frame after the last one, int64 (W, 2).

    Raises:
        InputError: If length or stride is below 1.
    """
    if length < 1 or stride < 1:
        raise InputError(f'windows need length and stride of at least 1, got {length} and {stride}')
    last = max(num_frames - length, 0)
    starts = np.unique(np.append(np.arange(0, last + 1, stride), last))
    return np.stack([starts, np.minimum(starts + length, num_frames)], axis=1)


def encode_windows(
    encoder: SkeletonEncoderInferencer,
    recording: Recording,
    lengths: Sequence[int],
    stride: float = 0.25,
) -> Windows:
    """Encode windows of several lengths over a recording.

    Args:
        encoder (SkeletonEncoderInferencer): The encoder.
        recording (Recording): A long recording.
        lengths (Sequence[int]): Lengths of the windows in frames.
        stride (float): Distance from a window to the next one, as a share of the window's length.
            Defaults to 0.25.

    Raises:
        InputError: If a length is below 1, or ``stride`` is not in (0, 1].
    """
    if not 0 < stride <= 1:
        raise InputError(f'stride={stride} must lie in (0, 1], because it is a share of the window')
    parts = [
        sliding_windows(recording.num_frames, length, max(round(stride * length), 1))
        for length in sorted(set(lengths))
    ]
    segments = np.unique(np.concatenate(parts), axis=0)
    seen = [recording.keypoint[:, start:end].any() for start, end in segments]
    segments = segments[np.array(seen, bool)]  # a window without a body has no feature
    cuts = RecordingList(recording.cut(start, end) for start, end in segments.tolist())
    return Windows(segments, encoder(cuts), recording.num_frames)


def suppress(segments: np.ndarray, scores: np.ndarray, max_iou: float, k: int) -> np.ndarray:
    """Keep only the best of segments that overlap (non-maximum suppression along time).

    Args:
        segments (np.ndarray): Start and end, shape (W, 2).
        scores (np.ndarray): Scores of the segments, shape (W,). A higher score is better.
        max_iou (float): Largest overlap of two segments that are kept (intersection over union).
        k (int): Largest number of segments that are kept.

    Returns:
        np.ndarray: Rows of the segments that are kept, the best first.
    """
    left, kept = np.argsort(-scores, kind='stable'), []
    while len(left) and len(kept) < k:
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[pairwise_temporal_iou(segments[best], segments[left]) <= max_iou]
    return np.array(kept, np.intp)


def one_recording(encoder: SkeletonEncoderInferencer, source: Source, layout: object) -> Recording:
    """Return the only recording of a source.

    Raises:
        InputError: If there is no recording, or more than one.
    """
    groups = encoder.recordings(source, layout)
    if sum(map(len, groups)) != 1:
        raise InputError(
            f'expected one long recording, got {sum(map(len, groups))}; give them one by one'
        )
    return next(group[0] for group in groups if len(group))
