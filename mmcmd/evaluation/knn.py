from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.device import get_device
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.evaluation.feature_autoencoder import FeatureAutoEncoder
from mmcmd.evaluation.gallery import GalleryMetric
from mmcmd.evaluation.whitening import whiten
from mmcmd.registry import METRICS

BLOCK = 1024, 1024
"""Queries and gallery entries that are compared at a time. Their similarities are still in the
processor's cache when the nearest are looked for, instead of in memory."""
GPU_BLOCK = 8192, 1024
"""The same on a GPU, to which the gallery goes once for each block of queries."""


@contextmanager
def _exact_products() -> Iterator[None]:
    """Multiply float32 exactly, whatever the training may (:class:`TF32Hook`, autocast)."""
    switches = torch.backends.cuda.matmul
    # Torch's later switch, where it has one. The former cannot be read once both were set.
    name, exact = 'allow_tf32', False
    if hasattr(switches, 'fp32_precision'):
        name, exact = 'fp32_precision', 'ieee'
    before = getattr(switches, name)
    setattr(switches, name, exact)
    try:
        with torch.autocast('cpu', enabled=False), torch.autocast('cuda', enabled=False):
            yield
    finally:
        setattr(switches, name, before)


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


@_exact_products()
def knn_predict_streams(
    queries: Mapping[str, Tensor],
    gallery: Mapping[str, Tensor],
    labels: Tensor,
    k: int = 1,
    block: tuple[int, int] = BLOCK,
    device: str | torch.device | None = None,
) -> dict[str, Tensor]:
    """Predict, as :func:`knn_predict`, by each of n modalities and by their mean similarity.

    Each modality is multiplied once: the mean takes the similarities that are there. It is done on
    ``device``, to which the features go block by block.

    Args:
        queries (Mapping[str, Tensor]): Modality to L2-normalised features, shape (N, D).
        gallery (Mapping[str, Tensor]): Modality to L2-normalised features, shape (G, D).
        labels (Tensor): Classes of the gallery, shape (G,).
        k (int): Neighbours. Defaults to 1.
        block (tuple[int, int]): Queries and entries compared at a time.
        device (str or torch.device, optional): Defaults to that of the queries.

    Returns:
        dict[str, Tensor]: Modality and, of several, ``'{n}s'`` to classes, shape (N,).

    Raises:
        InputError: If the gallery has fewer than k entries.
    """
    if not 1 <= k <= len(labels):
        raise InputError(f'k={k} neighbours cannot be found in a gallery of {len(labels)}')
    num_queries, num_entries = block
    predictions = defaultdict(list)
    size = len(next(iter(queries.values())))
    for first in range(0, max(size, 1), num_queries):  # of no queries a block too, of no classes
        chunk = {
            name: _packed(feats[first : first + num_queries].to(device or feats.device))
            for name, feats in queries.items()
        }
        for stream, (_, nearest) in nearest_entries(chunk, gallery, k, num_entries).items():
            predictions[stream].append(_vote(labels[nearest.to(labels.device)]))
    return {stream: torch.cat(parts) for stream, parts in predictions.items()}


def _packed(queries: Tensor) -> Tensor:
    """Hand float32 queries on a CPU to oneDNN, which multiplies blocks faster than torch's BLAS."""
    usable = queries.device.type == 'cpu' and queries.dtype == torch.float32
    return queries.to_mkldnn() if usable and torch.backends.mkldnn.is_available() else queries


def nearest_entries(
    queries: Mapping[str, Tensor],
    gallery: Mapping[str, Tensor],
    k: int,
    num_entries: int = BLOCK[1],
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the k most similar entries by stream, and of several streams together as ``{n}s``.

    Args:
        queries (Mapping[str, Tensor]): L2-normalised, (N, D) by stream.
        gallery (Mapping[str, Tensor]): L2-normalised, (G, D) by stream.
        k (int): Neighbours.
        num_entries (int): Entries that are compared at a time. Defaults to 1024.

    Returns:
        dict[str, tuple[Tensor, Tensor]]: Similarities and indices, each (N, k), the most similar
        entry first. Those of several streams are sums of the streams' similarities.
    """
    similarities, indices = defaultdict(list), defaultdict(list)
    for first in range(0, len(next(iter(gallery.values()))), num_entries):
        cosines = {
            name: F.linear(
                feats, gallery[name][first : first + num_entries].to(feats.device)
            ).to_dense()
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
        order = order[:, :k]
        values, rows = torch.cat(blocks, dim=1), torch.cat(indices[stream], dim=1)
        merged[stream] = values.gather(1, order), rows.gather(1, order)
    return merged


def _vote(nearest: Tensor) -> Tensor:
    """Return the most frequent class of each row of (N, k), among equals the first one's."""
    votes = (nearest[:, :, None] == nearest[:, None, :]).sum(dim=2)
    # argmax takes the first, hence nearest, of the most frequent.
    return nearest.gather(1, votes.argmax(dim=1, keepdim=True))[:, 0]


@METRICS.register_module()
class KNNMetric(GalleryMetric):
    """Top-1 accuracy of a nearest-neighbour classifier, for each modality and for all together.

    ``knn/top1`` is that of the first modality, ``knn/{modality}_top1`` of the others, and
    ``knn/{n}s_top1`` compares by the mean cosine similarity of all n modalities. A KNN loop gives
    the gallery, which needs memory as :class:`GalleryMetric` says. It is compared on the device of
    mmengine, which holds a block at a time.

    Args:
        k (int): Neighbours. Defaults to 1, the protocol of the field.
        autoencoder (dict, optional): Compare codes of the features instead (P&C). A
            :class:`FeatureAutoEncoder` for each modality is trained on the gallery. The entries are
            ``widths``, ``lr``, ``batch_size``, ``epochs`` and ``seed``.
        whiten (float, optional): Compare whitened features with this ridge, see :func:`whiten`. By
            default features are compared as they are, which is the protocol of the field.
        **kwargs: ``collect_device`` and ``prefix`` of :class:`GalleryMetric`.
    """

    default_prefix = 'knn'

    def __init__(
        self,
        k: int = 1,
        autoencoder: Mapping | None = None,
        whiten: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.k = k
        self.whiten = whiten
        self.autoencoder = None if autoencoder is None else dict(autoencoder)

    def classify(
        self, queries: dict[str, Tensor], gallery: dict[str, Tensor], labels: Tensor
    ) -> dict[str, Tensor]:
        """Return the classes of the nearest neighbours."""
        device = get_device()
        if self.autoencoder is not None:
            queries, gallery = _encode(queries, gallery, self.autoencoder, device)
        if self.whiten is not None:
            queries, gallery = whiten(queries, gallery, self.whiten)
        for feats in (*queries.values(), *gallery.values()):
            F.normalize(feats, dim=1, out=feats)
        block = BLOCK if device == 'cpu' else GPU_BLOCK
        return knn_predict_streams(queries, gallery, labels, self.k, block, device)


@torch.enable_grad()
def _encode(
    queries: dict[str, Tensor],
    gallery: dict[str, Tensor],
    options: Mapping,
    device: str,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Replace the features of each modality by codes of an autoencoder of the gallery."""
    fit = dict(options)
    sizes = {'widths': fit.pop('widths')} if 'widths' in fit else {}
    codes: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
    for name, feats in gallery.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(fit.get('seed', 0))
            autoencoder = FeatureAutoEncoder(feats.shape[1], **sizes).to(device)
        autoencoder.fit(feats.to(device), **fit)
        for side, values in zip(codes, (queries[name], feats), strict=True):
            side[name] = autoencoder(values.to(device)).detach().cpu()
    return codes
