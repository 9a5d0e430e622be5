"""The gallery of the page (its motions, wrong answers and map), and the uploaded motions."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.errors import InputError
from mmcmd.inference import (
    ActionInferencer,
    PickleRecordings,
    Recording,
    SkeletonEncoderInferencer,
)
from mmcmd.retrieval import MotionIndex
from mmcmd.serving.answers import FUSED, Answers
from mmcmd.serving.gallery_map import GalleryMap
from mmcmd.serving.motions import Motion, Motions

FRAMES = 'frames'
"""Name of the field of an index entry that holds the number of frames of the motion."""
_BLOCK = 1024  # number of motions that are compared with all others at a time


class Catalogue:
    """A gallery with an encoder and, optionally, a classifier.

    Args:
        encoder (SkeletonEncoderInferencer): The encoder that made the index.
        index (MotionIndex): Features of the gallery, in the same order.
        gallery (PickleRecordings): Motions of the gallery.
        cache (Path): Folder for the maps.
        classifier (ActionInferencer, optional): Gives the class probabilities. Without one, they
            are the shares of the votes of the neighbours.
    """

    def __init__(
        self,
        encoder: SkeletonEncoderInferencer,
        index: MotionIndex,
        gallery: PickleRecordings,
        cache: Path,
        classifier: ActionInferencer | None = None,
    ) -> None:
        self.encoder, self.index = encoder, index
        self.class_names = [index.class_name(label) for label in index.labels.tolist()]
        layout = encoder.recipe.layout
        self.motions = Motions(gallery, self.class_names, gallery.layout or layout, layout)
        self.lengths = [
            fields.get(FRAMES) or gallery[row].num_frames for row, fields in enumerate(index.fields)
        ]
        window = max(int(np.median(self.lengths)), 1)
        usual = int(np.percentile(self.lengths, 95))
        self.answers = Answers(encoder, index, self.motions, window, 2 * usual, classifier)
        self.streams = (*index.streams, *([FUSED] if len(index.streams) > 1 else []))
        self.map = GalleryMap({x: self.vectors(x) for x in self.streams}, cache)
        self.wrong = lru_cache(maxsize=None)(self._find_wrong)

    def vectors(self, stream: str) -> np.ndarray:
        """Return the unit vectors (N, D) of a stream of the gallery."""
        if stream != FUSED:
            return self.index.vectors[stream]
        parts = list(self.index.vectors.values())
        return np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))

    def check_stream(self, stream: str | None) -> str:
        """Return the name of a stream. The default is the last one: all streams together.

        Raises:
            InputError: If there is no such stream.
        """
        if stream is not None and stream not in self.streams:
            known = ', '.join(self.streams)
            raise InputError(f'there is no stream {stream!r}; streams are {known}')
        return stream or self.streams[-1]

    def add(self, told: Mapping[str, Any]) -> Motion:
        """Keep an uploaded motion, if the encoder can take it.

        Its label is kept only if the gallery has a class of the same name. Without a name, the same
        number can mean different classes in two files.

        Args:
            told (Mapping): One motion from :meth:`mmcmd.serving.uploads.UploadReader.read`.

        Raises:
            InputError: If its joints or coordinates do not fit the encoder.
        """
        name, classes = told['class_name'] or '', self.index.classes
        recording = Recording(
            np.asarray(told['keypoint']),
            told['name'],
            told['layout'],
            classes.index(name) if name in classes else UNLABELLED,
            told['normalized'],
            {'fps': told['fps']} if told['fps'] else {},
        )
        self.answers.check(recording)
        return self.motions.add(recording, name)

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
        """Search the gallery. Return pairs of a row, and whether its nearest neighbour is wrong.

        Args:
            text (str): Part of a name, or of the name of a class.
            only_wrong (bool): Leave out motions whose nearest neighbour has the same class.
            stream (str): Name of a stream.
        """
        wrong, wanted = self.wrong(stream), text.strip().lower()
        named = enumerate(zip(self.index.names, self.class_names, strict=True))
        return [
            (row, bool(wrong[row]))
            for row, texts in named
            if (wrong[row] or not only_wrong) and any(wanted in x.lower() for x in texts)
        ]

    def map_points(self, stream: str) -> dict[str, Any]:
        """Return the map of the gallery, or a preliminary map while it is being computed.

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

    def _find_wrong(self, stream: str) -> np.ndarray:
        """Return a mask (N,) of the motions whose nearest neighbour has another class."""
        vectors, labels = self.vectors(stream), self.index.labels
        wrong = np.zeros(len(labels), bool)
        for first in range(0, len(labels), _BLOCK) if len(labels) > 1 else ():
            rows = np.arange(first, min(first + _BLOCK, len(labels)))
            similarity = vectors[rows] @ vectors.T
            similarity[np.arange(len(rows)), rows] = -np.inf
            nearest = labels[similarity.argmax(axis=1)]
            labelled = (labels[rows] != UNLABELLED) & (nearest != UNLABELLED)
            wrong[rows] = labelled & (nearest != labels[rows])
        return wrong
