"""Find the neighbours and classes of a motion, and the time line of a long recording."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from mmcmd.errors import InputError
from mmcmd.inference import (
    ActionInferencer,
    Recording,
    SkeletonEncoderInferencer,
    Windows,
    encode_windows,
    suppress,
)
from mmcmd.retrieval import MotionIndex, Neighbour
from mmcmd.serving.motions import Motion, Motions

FUSED = 'fused'
"""Name of all streams together."""
_MOST_WINDOWS = 400  # about; the distance of two windows is rounded to frames
_MOST_PLACES, _MOST_OVERLAP = 5, 0.3  # places of a gesture, and their intersection over union
_MOST_CLASSES = 8  # number of classes that are shown


class Answers:
    """Computes the answers that the page shows about a motion.

    Args:
        encoder (SkeletonEncoderInferencer): The encoder that made the index.
        index (MotionIndex): Features of the gallery.
        motions (Motions): All motions.
        window (int): Frames of a window of a long recording.
        most_frames (int): A recording with more frames is long.
        classifier (ActionInferencer, optional): Gives the class probabilities.
    """

    def __init__(
        self,
        encoder: SkeletonEncoderInferencer,
        index: MotionIndex,
        motions: Motions,
        window: int,
        most_frames: int,
        classifier: ActionInferencer | None = None,
    ) -> None:
        self.encoder, self.index, self.motions = encoder, index, motions
        self.window, self.most_frames = window, most_frames
        self.classifier = classifier
        self._model = threading.Lock()  # one forward pass at a time
        self._features = lru_cache(maxsize=512)(self._encode)
        self._windows = lru_cache(maxsize=16)(self._encode_windows)

    def check(self, recording: Recording) -> None:
        """Check that the encoder can take a recording.

        Raises:
            InputError: If its joints, coordinates or numbers do not fit.
        """
        with self._model:
            self.encoder.pipeline(0, recording)

    def is_long(self, recording: Recording) -> bool:
        """Return whether a recording has a time line, because it may hold several actions."""
        return recording.num_frames > self.most_frames

    def answer(
        self, motion_id: str, stream: str, k: int, start: int | None = None, stop: int | None = None
    ) -> dict[str, Any]:
        """Return the neighbours and classes of a motion, or of a part of it.

        Args:
            motion_id (str): Id of the motion. A motion of the gallery is never its own neighbour.
            stream (str): Name of a stream.
            k (int): Number of neighbours.
            start (int, optional): First frame. Defaults to 0.
            stop (int, optional): Frame after the last one. Defaults to the end. If a long
                recording has neither ``start`` nor ``stop``, its first window with a body is used.

        Returns:
            dict: ``query``, ``start``, ``stop``, ``stream``, ``neighbours``, ``classes`` (the most
            probable first), their ``source``, and the ``predicted`` class.

        Raises:
            UnknownMotion: If there is no such motion.
            InputError: If the motion does not have these frames, or they show no body.
        """
        motion = self.motions.get(motion_id)
        start, stop = self._part(motion, start, stop)
        row = self.motions.row(motion.id)
        without = [] if row is None else [self.index.names[row]]
        (neighbours,) = self._search(self._features(motion.id, start, stop), k, stream, without)
        classes, source = self._classes(motion, stream, neighbours, start, stop)
        return {
            'query': motion,
            'start': start,
            'stop': stop,
            'stream': stream,
            'neighbours': neighbours,
            'classes': classes[:_MOST_CLASSES],
            'source': source,
            'predicted': classes[0]['label'] if classes else None,
        }

    def timeline(self, motion_id: str, stream: str, gesture: str | None = None) -> dict[str, Any]:
        """Return the best match of each window of a recording.

        Args:
            motion_id (str): Id of the recording.
            stream (str): Name of a stream.
            gesture (str, optional): Id of a motion. If given, the windows are as long as this
                motion and are compared with it only, and the most similar windows that do not
                overlap much have a ``rank`` from 1. Defaults to None: each window is compared with
                all motions of the gallery.

        Returns:
            dict: ``frames``, ``fps``, and ``windows`` with their first frame (``start``), the frame
            after the last one (``stop``), their best match, and their ``rank`` (or None).

        Raises:
            UnknownMotion: If there is no such motion.
            InputError: If the gesture shows no body.
        """
        motion = self.motions.get(motion_id)
        if gesture is None:
            windows = self._windows(motion.id, self.window)
            found = self._search(windows.features.streams, 1, stream)
            matches = [
                {
                    'label': best.label,
                    'class_name': best.class_name,
                    'similarity': best.similarity,
                    'id': f'g{best.row}',
                    'rank': None,
                }
                for (best,) in found
            ]
        else:
            wanted = self.motions.get(gesture)
            start, stop = self._part(wanted, None, None)
            windows = self._windows(motion.id, stop - start)
            features = self._features(wanted.id, start, stop)
            matches = self._compare(windows, features, wanted, stream)
        return {
            'frames': motion.recording.num_frames,
            'fps': motion.fps,
            'windows': [
                {'start': start, 'stop': stop, **match}
                for (start, stop), match in zip(windows.segments.tolist(), matches, strict=True)
            ],
        }

    def _compare(
        self,
        windows: Windows,
        features: Mapping[str, np.ndarray],
        gesture: Motion,
        stream: str,
    ) -> list[dict[str, Any]]:
        scores = windows.similarities(features, None if stream == FUSED else stream)
        best = suppress(windows.segments, scores, _MOST_OVERLAP, _MOST_PLACES).tolist()
        ranks = {row: rank for rank, row in enumerate(best, 1)}
        match = {
            'label': gesture.recording.label,
            'class_name': gesture.class_name,
            'id': gesture.id,
        }
        return [
            {**match, 'similarity': score, 'rank': ranks.get(row)}
            for row, score in enumerate(scores.tolist())
        ]

    def _search(
        self, features: Mapping[str, np.ndarray], k: int, stream: str, without: Sequence[str] = ()
    ) -> list[list[Neighbour]]:
        return self.index.search(
            features, min(k, len(self.index)), None if stream == FUSED else stream, without
        )

    def _part(self, motion: Motion, start: int | None, stop: int | None) -> tuple[int, int]:
        length = motion.recording.num_frames
        if start is None and stop is None and self.is_long(motion.recording):
            seen = motion.recording.keypoint.any(axis=(0, 2, 3)).argmax()
            start = min(int(seen), length - self.window)  # first frame with a body
            return start, start + self.window
        start, stop = start or 0, length if stop is None else stop
        if not 0 <= start < stop <= length:
            raise InputError(
                f'frames {start} to {stop} are not in {motion.recording.name}, which has '
                f'{length} frames'
            )
        return start, stop

    def _encode(self, motion_id: str, start: int, stop: int) -> Mapping[str, np.ndarray]:
        """Return the features (1, D) by stream of a part of a motion."""
        row, motion = self.motions.row(motion_id), self.motions.get(motion_id)
        if row is not None and stop - start == motion.recording.num_frames:
            return self.index.entry(self.index.names[row])
        with self._model:
            return self.encoder([motion.recording.cut(start, stop)]).streams

    def _encode_windows(self, motion_id: str, length: int) -> Windows:
        recording = self.motions.get(motion_id).recording
        # Windows next to each other without overlap must not be more than the largest number.
        length = max(length, -(-recording.num_frames // _MOST_WINDOWS))
        length = min(length, recording.num_frames)
        stride = max(0.25, (recording.num_frames - length) / (_MOST_WINDOWS * length))
        with self._model:
            return encode_windows(self.encoder, recording, [length], min(stride, 1))

    def _classes(
        self, motion: Motion, stream: str, neighbours: Sequence[Neighbour], start: int, stop: int
    ) -> tuple[list[dict[str, Any]], str]:
        """Return the classes with their probabilities, the most probable first, and the source.

        If two classes have the same number of votes, the class with the nearer neighbour comes
        first.
        """
        if self.classifier is None:
            votes = Counter(x.label for x in neighbours if x.class_name)
            ranked = [(label, count / votes.total()) for label, count in votes.most_common()]
            name, source = self.index.class_name, 'votes'
        else:
            with self._model:
                (found,) = self.classifier([motion.recording.cut(start, stop)])
            values = found.probabilities if stream == FUSED else found.streams[stream]
            ranked = sorted(enumerate(values.tolist()), key=lambda x: -x[1])
            name, source = self.classifier.classes.__getitem__, 'classifier'
        return [
            {'label': label, 'class_name': name(label), 'probability': probability}
            for label, probability in ranked
        ], source
