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
"""Number of queries and gallery entries that are compared at once. Their similarities fit into the
cache of the CPU, so the search for the nearest entries does not read them from memory."""
GPU_BLOCK = 8192, 1024
"""The same numbers for a GPU. The gallery is copied to the GPU once for each block of queries."""


@contextmanager
def _exact_products() -> Iterator[None]:
    """Multiply in float32, even if training uses TF32 (:class:`TF32Hook`) or autocast."""
    switches = torch.backends.cuda.matmul
    # Use the newer switch of torch if it exists. The older one cannot be read after both were set.
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
    """Predict classes from the k gallery entries with the highest cosine similarity.

    The result is the most frequent class of the k neighbours. If several classes are equally
    frequent, it is the class of the nearest neighbour among these. With k = 1, the first of several
    equally near entries is used.

    The gallery is processed in blocks. For each block, only the k nearest entries are kept in
    memory.

    Args:
        queries (Tensor): L2-normalised, shape (N, D).
        gallery (Tensor): L2-normalised, shape (G, D).
        labels (Tensor): Classes of the gallery, shape (G,).
        k (int): Number of neighbours. Defaults to 1.
        block (tuple[int, int]): Number of queries and gallery entries that are compared at once.

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
    """Predict as :func:`knn_predict`, for each of n streams and for their mean similarity.

    Each similarity is computed once. The mean uses the similarities of the streams. The computation
    runs on ``device``. The features are copied to it block by block.

    Args:
        queries (Mapping[str, Tensor]): Maps each stream to L2-normalised features, shape (N, D).
        gallery (Mapping[str, Tensor]): Maps each stream to L2-normalised features, shape (G, D).
        labels (Tensor): Classes of the gallery, shape (G,).
        k (int): Number of neighbours. Defaults to 1.
        block (tuple[int, int]): Number of queries and gallery entries that are compared at once.
        device (str or torch.device, optional): Defaults to the device of the queries.

    Returns:
        dict[str, Tensor]: Maps each stream, and ``'{n}s'`` for n > 1 streams together, to classes,
        shape (N,).

    Raises:
        InputError: If the gallery has fewer than k entries.
    """
    if not 1 <= k <= len(labels):
        raise InputError(f'k={k} neighbours cannot be found in a gallery of {len(labels)}')
    num_queries, num_entries = block
    predictions = defaultdict(list)
    size = len(next(iter(queries.values())))
    for first in range(0, max(size, 1), num_queries):  # one empty block if there are no queries
        chunk = {
            name: _packed(feats[first : first + num_queries].to(device or feats.device))
            for name, feats in queries.items()
        }
        for stream, (_, nearest) in nearest_entries(chunk, gallery, k, num_entries).items():
            predictions[stream].append(_vote(labels[nearest.to(labels.device)]))
    return {stream: torch.cat(parts) for stream, parts in predictions.items()}


def _packed(queries: Tensor) -> Tensor:
    """Convert float32 queries on a CPU for oneDNN, which is faster than the BLAS of torch."""
    usable = queries.device.type == 'cpu' and queries.dtype == torch.float32
    return queries.to_mkldnn() if usable and torch.backends.mkldnn.is_available() else queries


def nearest_entries(
    queries: Mapping[str, Tensor],
    gallery: Mapping[str, Tensor],
    k: int,
    num_entries: int = BLOCK[1],
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the k most similar entries for each stream and, as ``{n}s``, for all n streams.

    Args:
        queries (Mapping[str, Tensor]): Maps each stream to L2-normalised features, (N, D).
        gallery (Mapping[str, Tensor]): Maps each stream to L2-normalised features, (G, D).
        k (int): Number of neighbours.
        num_entries (int): Number of entries that are compared at once. Defaults to 1024.

    Returns:
        dict[str, tuple[Tensor, Tensor]]: Similarities and indices, each (N, k), the most similar
        entry first. The similarity for several streams is the sum of their similarities.
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
            # For one neighbour, `max` is faster, and it returns the first of equal entries.
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
    """Return the most frequent class of each row (N, k). Of equally frequent ones, the first."""
    votes = (nearest[:, :, None] == nearest[:, None, :]).sum(dim=2)
    # argmax returns the first of the most frequent classes, which is the nearest.
    return nearest.gather(1, votes.argmax(dim=1, keepdim=True))[:, 0]


@METRICS.register_module()
class KNNMetric(GalleryMetric):
    """Top-1 accuracy of a nearest-neighbour classifier, for each stream and for all together.

    ``knn/top1`` is the accuracy of the first stream, and ``knn/{stream}_top1`` that of another
    stream. ``knn/{n}s_top1`` uses the mean cosine similarity of all n streams. A KNN loop provides
    the gallery. :class:`GalleryMetric` describes the memory that it needs. The comparison runs on
    the device of mmengine, block by block.

    Args:
        k (int): Number of neighbours. Defaults to 1, which is the usual protocol.
        autoencoder (dict, optional): Compare codes of the features instead (P&C). For each stream,
            a :class:`FeatureAutoEncoder` is trained on the gallery. Its options are ``widths``,
            ``lr``, ``batch_size``, ``epochs`` and ``seed``.
        whiten (float, optional): Compare whitened features with this ridge, see :func:`whiten`. By
            default the features are not whitened, which is the usual protocol.
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
        """Return the classes (N,) of the nearest neighbours, see :class:`GalleryMetric`."""
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
    """Replace the features of each stream by codes of an autoencoder, trained on the gallery."""
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
