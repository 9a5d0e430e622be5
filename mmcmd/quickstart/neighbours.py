"""Find the nearest motions of each motion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmcmd.inference import PickleRecordings, SkeletonEncoderInferencer, build_index
from mmcmd.retrieval import Neighbour

STREAM = 'motion'
"""The stream that is compared. In the validation of its training, it was the best."""


@dataclass(frozen=True)
class Found:
    """A motion and its nearest motions.

    Attributes:
        row (int): Row of the motion in the pickle.
        label (int): Its class.
        neighbours (Sequence[Neighbour]): The nearest motions, the nearest first.
        clip (np.ndarray): The motion as the encoder gets it, shape (M, T, V, C).
    """

    row: int
    label: int
    neighbours: Sequence[Neighbour]
    clip: np.ndarray


def find_neighbours(
    encoder: SkeletonEncoderInferencer, motions: PickleRecordings, k: int = 3
) -> list[Found]:
    """Search for each motion among all others.

    Args:
        encoder (SkeletonEncoderInferencer): Encodes the motions. :data:`STREAM` is compared.
        motions (PickleRecordings): The motions, with their classes.
        k (int): Neighbours of a motion. Defaults to 3.
    """
    index = build_index(encoder, motions)
    # The motion itself is the most similar one, and is dropped.
    found = index.search(index.vectors, k + 1, STREAM)
    return [
        Found(
            row,
            int(index.labels[row]),
            [x for x in neighbours if x.row != row][:k],
            np.asarray(encoder.pipeline(row, recording)['inputs'])[0],
        )
        for row, (recording, neighbours) in enumerate(zip(motions, found, strict=True))
    ]


def choose(found: Sequence[Found], labels: Sequence[int]) -> list[Found]:
    """Return the first motion of each of some classes, whatever was found for it.

    Args:
        found (Sequence[Found]): What was found for all motions.
        labels (Sequence[int]): The classes.
    """
    return [next(one for one in found if one.label == label) for label in labels]


def share_found(found: Sequence[Found]) -> float:
    """Return the share of motions whose nearest motion is of their class, in [0, 1]."""
    return float(np.mean([one.neighbours[0].label == one.label for one in found]))


def share_by_coordinates(found: Sequence[Found]) -> float:
    """Return the same share without an encoder: the coordinates of the clips are compared."""
    labels = np.array([one.label for one in found])
    clips = np.stack([one.clip.ravel() for one in found])
    clips = clips - clips.mean(axis=0)
    clips /= np.linalg.norm(clips, axis=1, keepdims=True)
    similarity = clips @ clips.T
    np.fill_diagonal(similarity, -np.inf)
    return float(np.mean(labels[similarity.argmax(axis=1)] == labels))
