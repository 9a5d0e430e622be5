"""Encode recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmcmd.apis import extract_features
from mmcmd.inference.base import SkeletonInferencer
from mmcmd.inference.recordings import Recording
from mmcmd.retrieval.vectors import unit


@dataclass(frozen=True)
class Features:
    """Features of N recordings.

    Attributes:
        streams (dict[str, np.ndarray]): Features before any projection, not normalised, by stream,
            float32, each of shape (N, D).
        names (list[str]): Names of the recordings.
        labels (np.ndarray): Classes, or -1 for a recording without a class, int64, shape (N,).
        fields (list[Mapping]): Further metadata of each recording, such as ``subject``.
    """

    streams: dict[str, np.ndarray]
    names: list[str]
    labels: np.ndarray
    fields: list[Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, stream: str) -> np.ndarray:
        return self.streams[stream]

    @property
    def fused(self) -> np.ndarray:
        """One unit vector for each recording, made of all streams, float32, (N, sum of D).

        The inner product of two such vectors is the mean of the streams' cosine similarities. A KNN
        evaluation compares several streams in the same way.
        """
        parts = [unit(x) for x in self.streams.values()]
        return np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))

    def to_dict(self) -> dict[str, np.ndarray]:
        """Return features by stream name and, for n > 1 streams, :attr:`fused` as ``'{n}s'``."""
        count = len(self.streams)
        return self.streams | ({f'{count}s': self.fused} if count > 1 else {})


class SkeletonEncoderInferencer(SkeletonInferencer):
    """Encode recordings: turn arrays or files into features.

    The features equal those of ``mmcmd.apis.extract_features`` on a data loader. The arguments are
    those of :class:`SkeletonInferencer`.

    Example:
        >>> encoder = SkeletonEncoderInferencer('encoder.pth')
        >>> encoder(joints)['joint']          # joints: (T, V, C) or (M, T, V, C)
        >>> encoder('mine.pkl').fused         # one row for each recording of the file
    """

    def forward(
        self, inputs: tuple[dict, Sequence[Recording]], **kwargs: Any
    ) -> list[tuple[dict[str, np.ndarray], Sequence[Recording]]]:
        """Encode a batch.

        Args:
            inputs (tuple): A batch and its recordings, from :meth:`preprocess`.
            **kwargs: They are not used.

        Returns:
            list[tuple]: One pair: the features (N, D) by stream, and the recordings.
        """
        batch, recordings = inputs
        features, _ = extract_features(self.model, [batch])
        return [({name: x.numpy() for name, x in features.items()}, recordings)]

    def postprocess(
        self, preds: list, visualization: Any, return_datasample: bool = False, **kwargs: Any
    ) -> Features:
        """Join the features of all batches."""
        recordings = [x for _, chunk in preds for x in chunk]
        streams = {
            name: np.concatenate([part[name] for part, _ in preds])
            if preds
            else np.zeros((0, self.model.encoders[name].feature_size()), np.float32)
            for name in self.model.evaluated_streams
        }
        return Features(
            streams,
            [x.name for x in recordings],
            np.array([x.label for x in recordings], np.int64),
            [x.fields for x in recordings],
        )
