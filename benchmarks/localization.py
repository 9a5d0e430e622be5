"""Find actions in long recordings: an encoder against nearest neighbours of raw coordinates.

``python -m benchmarks.localization CHECKPOINT FILE.pkl --train SPLIT --test SPLIT``. Sequences of
the test split, in random order, are joined to long recordings. Five examples of each class come
from the training split. The result is the mean average precision over the classes, at two overlaps
in time.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from mmaction.evaluation.functional.accuracy import average_precision_at_temporal_iou

from mmcmd.cli import run
from mmcmd.inference import (
    PickleRecordings,
    Recording,
    SkeletonEncoderInferencer,
    Windows,
    encode_windows,
    suppress,
)
from mmcmd.registry import MODELS
from mmcmd.retrieval import combine, unit

OVERLAPS = 0.3, 0.5


class RawInferencer(SkeletonEncoderInferencer):
    """Returns raw coordinates as features, with the layout and pipeline of another inferencer."""

    def __init__(self, other: SkeletonEncoderInferencer) -> None:
        self.recipe, self._other = other.recipe, other
        super().__init__(other.checkpoint, 'cpu', show_progress=False)

    def _init_model(self, cfg: Any, weights: str, device: str = 'cpu') -> Any:
        layout, clip_len = self.recipe.layout, self.recipe.clip_len
        persons, joints, channels = next(iter(self._other.model.encoders.values())).frame_shape
        backbone = {
            'type': 'RawCoordinates',
            **dict(num_joints=joints, num_person=persons, in_channels=channels, clip_len=clip_len),
        }
        config = dict(
            type='FeatureExtractor', modalities=['joint'], backbone=backbone, layout=layout
        )
        return MODELS.build(config).eval()


def join(recordings: list[Recording]) -> tuple[Recording, list[tuple[int, int, int]]]:
    """Join recordings; return the long recording, and (start, end, label) of each part."""
    persons = max(len(x.keypoint) for x in recordings)
    parts, spans, start = [], [], 0
    for x in recordings:
        missing = persons - len(x.keypoint)
        parts.append(np.pad(x.keypoint, ((0, missing), (0, 0), (0, 0), (0, 0))))
        spans.append((start, start + x.num_frames, x.label))
        start += x.num_frames
    joined = np.concatenate(parts, axis=1)
    return Recording(joined, 'joined', recordings[0].layout), spans


def mean_cosine(windows: dict[str, np.ndarray], examples: dict[str, np.ndarray]) -> np.ndarray:
    """Return the similarity to the mean of the examples, as ``MotionLocalizer`` does."""
    query = combine(examples)
    return np.mean([unit(x) @ query[name][0] for name, x in windows.items()], axis=0)


def nearest_cosine(windows: dict[str, np.ndarray], examples: dict[str, np.ndarray]) -> np.ndarray:
    """Return the similarity to the nearest example."""
    products = [unit(x) @ unit(examples[name]).T for name, x in windows.items()]
    return np.mean(products, axis=0).max(axis=1)


def nearest_euclidean(
    windows: dict[str, np.ndarray], examples: dict[str, np.ndarray]
) -> np.ndarray:
    """Return the negative distance to the nearest example."""
    (x,), (y,) = windows.values(), examples.values()
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
    return -squares.min(axis=1)


def mean_average_precision(
    score: Callable[..., np.ndarray],
    windows: list[Windows],
    spans: list[list[tuple[int, int, int]]],
    examples: dict[int, dict[str, np.ndarray]],
) -> np.ndarray:
    """Return the mean average precision over the classes at each of :data:`OVERLAPS`."""
    found = []
    for label, features in examples.items():
        predictions, truth = [], {}
        for number, (window, parts) in enumerate(zip(windows, spans, strict=True)):
            scores = score(window.features.streams, features)
            for row in suppress(window.segments, scores, 0.3, 100):
                predictions.append((str(number), label, *window.segments[row], scores[row]))
            if hits := [part[:2] for part in parts if part[2] == label]:
                truth[str(number)] = np.array(hits)
        if truth:
            rows = np.array(predictions, dtype=object)
            found.append(average_precision_at_temporal_iou(truth, rows, OVERLAPS))
    return np.mean(found, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint')
    parser.add_argument('file')
    parser.add_argument('--train', required=True)
    parser.add_argument('--test', required=True)
    parser.add_argument('--joined', type=int, default=12, help='sequences of a long recording')
    parser.add_argument('--examples', type=int, default=5, help='examples of a class')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    train, test = (PickleRecordings(args.file, x) for x in (args.train, args.test))
    order = rng.permutation(len(test))
    groups = [order[i : i + args.joined] for i in range(0, len(order), args.joined)]
    longs, spans = zip(*(join([test[i] for i in rows]) for rows in groups), strict=True)
    labels = np.array(train.labels)
    chosen = {
        int(label): rng.permutation(np.flatnonzero(labels == label))[: args.examples]
        for label in np.unique(labels[labels >= 0])
    }
    lengths = [train[i].num_frames for rows in chosen.values() for i in rows]
    lengths = np.quantile(lengths, [0.1, 0.3, 0.5, 0.7, 0.9]).astype(int).tolist()
    encoder = SkeletonEncoderInferencer(args.checkpoint, show_progress=False)
    print(
        f'{len(longs)} recordings of {args.joined} sequences, {len(chosen)} classes, '
        f'{args.examples} examples each, windows of {lengths} frames'
    )
    raw = RawInferencer(encoder)
    rules = {
        encoder: {
            'encoder, mean of the examples': mean_cosine,
            'encoder, nearest example': nearest_cosine,
        },
        raw: {
            'raw coordinates, nearest example (Euclidean)': nearest_euclidean,
            'raw coordinates, nearest example (cosine)': nearest_cosine,
            'raw coordinates, mean of the examples (cosine)': mean_cosine,
        },
    }
    for inferencer, scores in rules.items():
        start = time.perf_counter()
        windows = [encode_windows(inferencer, long, lengths) for long in longs]
        examples = {
            label: inferencer([train[i] for i in rows]).streams for label, rows in chosen.items()
        }
        count = sum(len(x.segments) for x in windows)
        print(f'{count} windows in {time.perf_counter() - start:.0f} s')
        for name, score in scores.items():
            values = mean_average_precision(score, windows, spans, examples)
            text = ', '.join(f'{100 * x:.1f} at {y}' for x, y in zip(values, OVERLAPS, strict=True))
            print(f'mean average precision, {name}: {text}')


if __name__ == '__main__':
    run(main)
