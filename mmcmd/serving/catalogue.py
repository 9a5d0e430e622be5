"""What the page asks for: neighbours of a motion, its classes, wrong answers, a time line."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.errors import InputError
from mmcmd.inference import ActionInferencer, PickleRecordings, SkeletonEncoderInferencer
from mmcmd.retrieval import MotionIndex, Neighbour
from mmcmd.serving.gallery_map import GalleryMap
from mmcmd.serving.motions import Motion, Motions

FRAMES = 'frames'
"""Field of an entry of the index: number of frames of the motion."""
FUSED = 'fused'
"""Name of all streams together."""
_MOST_WINDOWS = 400
_MOST_CLASSES = 8  # that are shown


class Catalogue:
    """A gallery, an encoder, and perhaps a classifier.

    Args:
        encoder (SkeletonEncoderInferencer): It made the index.
        index (MotionIndex): Features of the gallery, row for row.
        gallery (PickleRecordings): Motions of the gallery.
        cache (Path): Folder of the maps.
        classifier (ActionInferencer, optional): Gives the class probabilities. Without one, the
            neighbours vote.
    """

    def __init__(
        self,
        encoder: SkeletonEncoderInferencer,
        index: MotionIndex,
        gallery: PickleRecordings,
        cache: Path,
        classifier: ActionInferencer | None = None,
    ) -> None:
        self.encoder, self.index, self.classifier = encoder, index, classifier
        self.class_names = [index.class_name(label) for label in index.labels.tolist()]
        layout = gallery.layout or encoder.recipe.layout
        self.motions = Motions(gallery, self.class_names, layout)
        self.streams = (*index.streams, *([FUSED] if len(index.streams) > 1 else []))
        self.map = GalleryMap({x: self.vectors(x) for x in self.streams}, cache)
        self.lengths = [
            fields.get(FRAMES) or gallery[row].num_frames for row, fields in enumerate(index.fields)
        ]
        self.window = max(int(np.median(self.lengths)), 1)
        self._model = threading.Lock()  # one forward pass at a time
        self._features = lru_cache(maxsize=512)(self._encode)
        self._wrong = lru_cache(maxsize=None)(self._find_wrong)
        self._timeline = lru_cache(maxsize=16)(self._make_timeline)

    def vectors(self, stream: str) -> np.ndarray:
        """Return the unit vectors (N, D) of a stream of the gallery."""
        if stream != FUSED:
            return self.index.vectors[stream]
        parts = list(self.index.vectors.values())
        return np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))

    def check_stream(self, stream: str | None) -> str:
        """Return the name of a stream, by default the last one, which is all together.

        Raises:
            InputError: If there is no such stream.
        """
        if stream is not None and stream not in self.streams:
            raise InputError(f'there is no stream {stream!r}, but {", ".join(self.streams)}')
        return stream or self.streams[-1]

    def is_long(self, motion: Motion) -> bool:
        """Return whether a motion is a recording of several actions, and has a time line."""
        return motion.recording.num_frames > 2 * self.window

    def summary(self, row: int, wrong: bool) -> dict[str, Any]:
        """Describe a motion of the gallery without reading its coordinates."""
        return {
            'id': f'g{row}',
            'name': self.index.names[row],
            'label': int(self.index.labels[row]),
            'class_name': self.class_names[row],
            'frames': self.lengths[row],
            'wrong': wrong,
        }

    def find(self, text: str, only_wrong: bool, stream: str) -> list[tuple[int, bool]]:
        """Return the rows of motions of the gallery, and whether their answer is wrong.

        Args:
            text (str): Part of a name, of the name of a class, or a class number.
            only_wrong (bool): Leave out those whose nearest neighbour has the same class.
            stream (str): Name of a stream.
        """
        wrong, wanted = self.wrong(stream), text.strip().lower()
        return [
            (row, bool(wrong[row]))
            for row, (name, label) in enumerate(
                zip(self.index.names, self.class_names, strict=True)
            )
            if (wrong[row] or not only_wrong)
            and (wanted in name.lower() or wanted in label.lower())
        ]

    def map_points(self, stream: str) -> dict[str, Any]:
        """Return the map of the gallery as far as it is computed.

        Args:
            stream (str): Name of a stream.
        """
        method, final, places = self.map.get(stream)
        wrong = self.wrong(stream)
        points = [
            self.summary(row, bool(wrong[row])) | {'x': float(x), 'y': float(y)}
            for row, (x, y) in zip(self.map.rows.tolist(), places, strict=True)
        ]
        return {'method': method, 'final': final, 'points': points}

    def answer(
        self, motion_id: str, stream: str, k: int, start: int | None = None, stop: int | None = None
    ) -> dict[str, Any]:
        """Return the neighbours and classes of a motion, or of a part of it.

        Args:
            motion_id (str): Id of the motion. If it is in the gallery, it is not a neighbour of
                itself.
            stream (str): Name of a stream.
            k (int): Number of neighbours.
            start (int, optional): First frame. Defaults to 0.
            stop (int, optional): Frame behind the last one. Defaults to the end; of a long
                recording, to the end of the first window.
        """
        motion = self.motions.get(motion_id)
        start, stop = self._part(motion, start, stop)
        features = self._features(motion.id, start, stop)
        row = self.motions.row(motion.id)
        without = [] if row is None else [self.index.names[row]]
        (neighbours,) = self.index.search(
            features, min(k, len(self.index)), None if stream == FUSED else stream, without
        )
        classes, source = self._classes(motion, stream, neighbours, start, stop)
        known = [x for x in classes if x['label'] != UNLABELLED]
        return {
            'query': motion,
            'start': start,
            'stop': stop,
            'stream': stream,
            'neighbours': neighbours,
            'classes': classes[:_MOST_CLASSES],
            'source': source,
            'predicted': known[0]['label'] if known else None,
        }

    def _part(self, motion: Motion, start: int | None, stop: int | None) -> tuple[int, int]:
        length = motion.recording.num_frames
        if start is None and stop is None and self.is_long(motion):
            return 0, self.window
        start, stop = start or 0, length if stop is None else stop
        if not 0 <= start < stop <= length:
            raise InputError(
                f'frames {start} to {stop} are no part of {motion.recording.name}, which has '
                f'{length} frames'
            )
        return start, stop

    def _encode(self, motion_id: str, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return the features (1, D) by stream of a part of a motion."""
        row = self.motions.row(motion_id)
        if row is not None and stop - start == self.lengths[row]:
            return self.index.entry(self.index.names[row])
        motion = self.motions.get(motion_id)
        with self._model:
            return self.encoder([motion.recording.cut(start, stop)]).streams

    def _classes(
        self, motion: Motion, stream: str, neighbours: Sequence[Neighbour], start: int, stop: int
    ) -> tuple[list[dict[str, Any]], str]:
        """Return the classes with their probabilities, the most probable first, and the source."""
        if self.classifier is None:
            votes = Counter(x.label for x in neighbours)
            ranked = [
                (label, count / max(len(neighbours), 1)) for label, count in votes.most_common()
            ]
            name, source = self.index.class_name, 'votes'
        else:
            with self._model:
                (found,) = self.classifier([motion.recording.cut(start, stop)])
            values = found.probabilities if stream == FUSED else found.streams[stream]
            ranked = sorted(enumerate(values.tolist()), key=lambda x: -x[1])
            name, source = self.classifier.classes.__getitem__, 'classifier'
        return [
            {'label': label, 'class_name': name(label) or 'no class', 'probability': probability}
            for label, probability in ranked
        ], source

    def wrong(self, stream: str) -> np.ndarray:
        """Return which motions of the gallery have a nearest neighbour of another class, (N,)."""
        return self._wrong(stream)

    def _find_wrong(self, stream: str) -> np.ndarray:
        vectors, labels = self.vectors(stream), self.index.labels
        wrong = np.zeros(len(labels), bool)
        for first in range(0, len(labels), 1024) if len(labels) > 1 else ():
            rows = np.arange(first, min(first + 1024, len(labels)))
            similarity = vectors[rows] @ vectors.T
            similarity[np.arange(len(rows)), rows] = -np.inf
            nearest = labels[similarity.argmax(axis=1)]
            labelled = (labels[rows] != UNLABELLED) & (nearest != UNLABELLED)
            wrong[rows] = labelled & (nearest != labels[rows])
        return wrong

    def timeline(self, motion_id: str, stream: str) -> dict[str, Any]:
        """Return the best match of each window of a recording.

        Args:
            motion_id (str): Id of the motion.
            stream (str): Name of a stream.
        """
        motion = self.motions.get(motion_id)
        windows, features = self._timeline(motion.id)
        found = self.index.search(features, 1, None if stream == FUSED else stream)
        return {
            'frames': motion.recording.num_frames,
            'fps': motion.fps,
            'windows': [
                {
                    'start': start,
                    'stop': stop,
                    'label': best.label,
                    'class_name': best.class_name,
                    'similarity': best.similarity,
                    'id': f'g{best.row}',
                }
                for (start, stop), (best,) in zip(windows, found, strict=True)
            ],
        }

    def _make_timeline(
        self, motion_id: str
    ) -> tuple[list[tuple[int, int]], Mapping[str, np.ndarray]]:
        """Return the windows of a recording, and their features (W, D) by stream."""
        recording = self.motions.get(motion_id).recording
        length, size = recording.num_frames, min(self.window, recording.num_frames)
        step = max(size // 4, (length - size) // _MOST_WINDOWS, 1)
        starts = [*range(0, length - size, step), length - size]
        windows = [(start, start + size) for start in starts]
        seen = recording.keypoint.any(axis=(0, 2, 3))
        windows = [(a, b) for a, b in windows if seen[a:b].any()]  # no body: nothing to compare
        parts = [recording.cut(*window) for window in windows]
        features: list[Mapping[str, np.ndarray]] = []
        for first in range(0, len(parts), 32):
            with self._model:
                features.append(self.encoder(parts[first : first + 32]).streams)
        return windows, {x: np.concatenate([f[x] for f in features]) for x in features[0]}
