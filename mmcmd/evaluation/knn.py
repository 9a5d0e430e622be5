from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.dist import collect_results
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.registry import METRICS
from mmcmd.structures import sample_features

BLOCK = 1024, 1024
"""Queries and gallery entries that are compared at a time. Their similarities are still in the
processor's cache when the nearest are looked for, instead of in memory."""


def knn_predict(
    queries: Tensor,
    gallery: Tensor,
    labels: Tensor,
    k: int = 1,
    block: tuple[int, int] = BLOCK,
) -> Tensor:
    """Predict classes by the labels of the k nearest gallery entries in cosine similarity.

    The most frequent class wins; among equally frequent ones that of the nearest neighbour. With
    k = 1, of entries that are equally near the first one counts.

    The memory that is needed does not grow with the gallery but for its k nearest of each block.

    Args:
        queries (Tensor): L2-normalised, shape (N, D).
        gallery (Tensor): L2-normalised, shape (G, D).
        labels (Tensor): Classes of the gallery, shape (G,).
        k (int): Neighbours. Defaults to 1.
        block (tuple[int, int]): Queries and entries compared at a time.

    Returns:
        Tensor: Classes, shape (N,).

    Raises:
        InputError: If the gallery has fewer than k entries.
    """
    return knn_predict_streams({'': queries}, {'': gallery}, labels, k, block)['']


def knn_predict_streams(
    queries: Mapping[str, Tensor],
    gallery: Mapping[str, Tensor],
    labels: Tensor,
    k: int = 1,
    block: tuple[int, int] = BLOCK,
) -> dict[str, Tensor]:
    """Predict, as :func:`knn_predict`, by each of n modalities and by their mean similarity.

    Each modality is multiplied once: the mean takes the similarities that are there.

    Args:
        queries (Mapping[str, Tensor]): Modality to L2-normalised features, shape (N, D).
        gallery (Mapping[str, Tensor]): Modality to L2-normalised features, shape (G, D).
        labels (Tensor): Classes of the gallery, shape (G,).
        k (int): Neighbours. Defaults to 1.
        block (tuple[int, int]): Queries and entries compared at a time.

    Returns:
        dict[str, Tensor]: Modality and, of several, ``'{n}s'`` to classes, shape (N,).

    Raises:
        InputError: If the gallery has fewer than k entries.
    """
    if not 1 <= k <= len(labels):
        raise InputError(f'k={k} neighbours cannot be found in a gallery of {len(labels)}')
    num_queries, num_entries = block
    predictions = defaultdict(list)
    for first in range(0, len(next(iter(queries.values()))), num_queries):
        chunk = {name: feats[first : first + num_queries] for name, feats in queries.items()}
        for stream, nearest in _nearest(chunk, gallery, k, num_entries).items():
            predictions[stream].append(_vote(labels[nearest]))
    return {stream: torch.cat(parts) for stream, parts in predictions.items()}


def _nearest(
    queries: Mapping[str, Tensor], gallery: Mapping[str, Tensor], k: int, num_entries: int
) -> dict[str, Tensor]:
    """Return, by stream, the k most similar entries, the most similar first: indices (N, k)."""
    similarities, indices = defaultdict(list), defaultdict(list)
    for first in range(0, len(next(iter(gallery.values()))), num_entries):
        cosines = {
            name: feats @ gallery[name][first : first + num_entries].T
            for name, feats in queries.items()
        }
        if len(cosines) > 1:
            cosines[f'{len(cosines)}s'] = sum(cosines.values())
        for stream, values in cosines.items():
            # For one neighbour `max` is faster, and takes the first of those that are equal.
            nearest = (
                values.max(dim=1, keepdim=True)
                if k == 1
                else values.topk(min(k, values.shape[1]), dim=1)
            )
            similarities[stream].append(nearest.values)
            indices[stream].append(nearest.indices + first)
    merged = {}
    for stream, blocks in similarities.items():
        order = torch.cat(blocks, dim=1).argsort(dim=1, descending=True, stable=True)
        merged[stream] = torch.cat(indices[stream], dim=1).gather(1, order[:, :k])
    return merged


def _vote(nearest: Tensor) -> Tensor:
    """Return the most frequent class of each row of (N, k), among equals the first one's."""
    votes = (nearest[:, :, None] == nearest[:, None, :]).sum(dim=2)
    # argmax takes the first, hence nearest, of the most frequent.
    return nearest.gather(1, votes.argmax(dim=1, keepdim=True))[:, 0]


@METRICS.register_module()
class KNNMetric(BaseMetric):
    """Top-1 accuracy of a nearest-neighbour classifier, for each modality and for all together.

    ``knn/top1`` is that of the first modality, ``knn/{modality}_top1`` of the others, and
    ``knn/{n}s_top1`` compares by the mean cosine similarity of all n modalities. A KNN loop gives
    the gallery.

    Args:
        k (int): Neighbours. Defaults to 1, the protocol of the field.
        collect_device (str): mmengine's. Defaults to ``'cpu'``.
        prefix (str, optional): Defaults to ``'knn'``.
    """

    default_prefix = 'knn'

    def __init__(self, k: int = 1, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.k = k
        self.gallery: list | None = None

    def process(self, data_batch: Mapping, data_samples: Sequence[Mapping]) -> None:
        """Keep the features and label of each sample."""
        for sample in data_samples:
            feats, label = sample_features(sample)
            self.results.append(({name: x.cpu() for name, x in feats.items()}, label))

    def keep_as_gallery(self, size: int) -> None:
        """Make what was processed so far the gallery.

        Args:
            size (int): Sequences in the gallery's data set; what a distributed sampler added is
                dropped.
        """
        self.gallery = collect_results(self.results, size, self.collect_device)
        self.results.clear()

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compare the queries with the gallery."""
        queries, labels = _stack(results)
        predictions = knn_predict_streams(queries, *_stack(self.gallery), self.k)
        accuracy = {
            name: (predicted == labels).double().mean().item()
            for name, predicted in predictions.items()
        }
        first = next(iter(queries))
        return {
            'top1' if name == first else f'{name}_top1': value for name, value in accuracy.items()
        }


def _stack(results: list) -> tuple[dict[str, Tensor], Tensor]:
    """Return L2-normalised features (N, D) by modality, and labels (N,)."""
    streams = {
        name: F.normalize(torch.stack([feats[name] for feats, _ in results]).float(), dim=1)
        for name in results[0][0]
    }
    return streams, torch.tensor([label for _, label in results])
