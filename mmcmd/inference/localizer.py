"""Find where a motion occurs in a long recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.errors import InputError
from mmcmd.inference.base import Source
from mmcmd.inference.encoder import SkeletonEncoderInferencer
from mmcmd.inference.retriever import MotionRetriever
from mmcmd.inference.windows import Windows, encode_windows, one_recording, suppress
from mmcmd.retrieval import Neighbour, combine


@dataclass(frozen=True)
class Match:
    """A piece of a long recording that is similar to a query.

    Attributes:
        start (int): First frame.
        end (int): Frame after the last one.
        similarity (float): Cosine similarity to the query.
        neighbours (Sequence[Neighbour]): Its neighbours in a gallery; empty if there is no gallery.
    """

    start: int
    end: int
    similarity: float
    neighbours: Sequence[Neighbour] = ()


class MotionLocalizer:
    """Find where a motion occurs in a long recording.

    Windows of several lengths slide over the recording. Each window is encoded and compared with
    the query. If windows overlap, only the most similar one is kept.

    Args:
        checkpoint (str | Path | SkeletonEncoderInferencer): The encoder, or a checkpoint of it.
        scales (Sequence[float]): Lengths of the windows, as multiples of the query's length.
            Defaults to 0.75, 1 and 1.5.
        stride (float): Distance from a window to the next one, as a share of the window's length.
            Defaults to 0.25.
        max_iou (float): Largest overlap of two matches (intersection over union). Defaults to 0.3.
        **options: Further arguments of :class:`SkeletonInferencer`.

    Raises:
        InputError: If the checkpoint cannot be used, a scale is not above 0, or ``max_iou`` is not
            in [0, 1].

    Example:
        >>> localizer = MotionLocalizer('encoder.pth')
        >>> for match in localizer(gesture, ten_minutes, k=3):
        ...     match.start / 30, match.end / 30, match.similarity      # seconds at 30 frames/s
    """

    def __init__(
        self,
        checkpoint: str | Path | SkeletonEncoderInferencer,
        scales: Sequence[float] = (0.75, 1.0, 1.5),
        stride: float = 0.25,
        max_iou: float = 0.3,
        **options: Any,
    ) -> None:
        if not isinstance(checkpoint, SkeletonEncoderInferencer):
            checkpoint = SkeletonEncoderInferencer(checkpoint, **options)
        if not scales or min(scales) <= 0:
            raise InputError(f'scales={list(scales)} must be one or more numbers above 0')
        if not 0 <= max_iou <= 1:
            raise InputError(f'max_iou={max_iou} must lie in [0, 1]')
        self.encoder = checkpoint
        self.scales, self.stride, self.max_iou = tuple(scales), stride, max_iou

    def __call__(
        self,
        query: Source,
        recording: Source | Windows,
        k: int = 10,
        least: float = -1.0,
        stream: str | None = None,
        layout: Any = None,
    ) -> list[Match]:
        """Return the pieces that are most similar to a motion, the most similar first.

        Args:
            query (Source): One recording of the motion, or several examples of it.
            recording (Source | Windows): A long recording, or its windows
                (:func:`encode_windows`).
            k (int): Largest number of matches. Defaults to 10.
            least (float): Smallest similarity of a match. Defaults to -1: all matches are kept.
            stream (str, optional): Stream that is compared. Defaults to all streams together.
            layout (str | Mapping | Layout, optional): Joint layout of query and recording, if the
                files do not store it.

        Raises:
            InputError: If an input cannot be read, or ``recording`` is not one recording.
        """
        groups = self.encoder.recordings(query, layout)
        examples = self.encoder(groups)
        if not len(examples):
            raise InputError('give at least one example of the motion')
        windows = recording
        if not isinstance(windows, Windows):
            mean = np.mean([x.num_frames for group in groups for x in group])
            lengths = [max(round(scale * mean), 1) for scale in self.scales]
            long = one_recording(self.encoder, recording, layout)
            windows = encode_windows(self.encoder, long, lengths, self.stride)
        if not len(windows.segments):
            return []
        scores = windows.similarities(combine(examples.streams), stream)
        kept = suppress(windows.segments, scores, self.max_iou, k)
        return [
            Match(*windows.segments[row].tolist(), float(scores[row]))
            for row in kept
            if scores[row] >= least
        ]


def label_timeline(
    retriever: MotionRetriever,
    recording: Source,
    length: int,
    stride: float = 0.5,
    k: int = 1,
    stream: str | None = None,
    layout: Any = None,
) -> list[Match]:
    """Return the neighbours of each window of a long recording, in the order of time.

    Args:
        retriever (MotionRetriever): Encoder and gallery.
        recording (Source): One long recording.
        length (int): Frames of a window.
        stride (float): Distance from a window to the next one, as a share of the window's length.
            Defaults to 0.5.
        k (int): Number of neighbours of each window. Defaults to 1.
        stream (str, optional): Stream that is compared. Defaults to all streams together.
        layout (str | Mapping | Layout, optional): Joint layout of the recording.

    Returns:
        list[Match]: One for each window. Its similarity is that of the nearest neighbour.

    Raises:
        InputError: If ``recording`` cannot be read or is not one recording.
    """
    long = one_recording(retriever.encoder, recording, layout)
    windows = encode_windows(retriever.encoder, long, [length], stride)
    found = retriever(windows.features, k, stream)
    return [
        Match(*segment, neighbours[0].similarity, neighbours)
        for segment, neighbours in zip(windows.segments.tolist(), found, strict=True)
    ]
