from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.dist import collect_results
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.registry import METRICS
from mmcmd.structures import sample_features


def knn_predict(
    queries: Tensor, gallery: Tensor, labels: Tensor, k: int = 1, chunk_size: int = 1024
) -> Tensor:
    """Predict classes by the labels of the k nearest gallery entries in cosine similarity.

    The most frequent class wins; among equally frequent ones that of the nearest neighbour.

    Args:
        queries (Tensor): L2-normalised, shape (N, D).
        gallery (Tensor): L2-normalised, shape (G, D).
        labels (Tensor): Classes of the gallery, shape (G,).
        k (int): Neighbours. Defaults to 1.
        chunk_size (int): Queries compared at a time, which bounds the memory to
            ``chunk_size * G`` similarities. Defaults to 1024.

    Returns:
        Tensor: Classes, shape (N,).

    Raises:
        InputError: If the gallery has fewer than k entries.
    """
    if not 1 <= k <= len(gallery):
        raise InputError(f'k={k} neighbours cannot be found in a gallery of {len(gallery)}')
    predictions = []
    for chunk in queries.split(chunk_size):
        nearest = labels[(chunk @ gallery.T).topk(k, dim=1).indices]
        votes = (nearest[:, :, None] == nearest[:, None, :]).sum(dim=2)
        # argmax takes the first, hence nearest, of the most frequent.
        predictions.append(nearest.gather(1, votes.argmax(dim=1, keepdim=True))[:, 0])
    return torch.cat(predictions)


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
        queries, labels = self._stack(results)
        gallery, gallery_labels = self._stack(self.gallery)
        metrics = {}
        for index, (name, feats) in enumerate(queries.items()):
            predicted = knn_predict(feats, gallery[name], gallery_labels, self.k)
            metrics['top1' if index == 0 else f'{name}_top1'] = (
                (predicted == labels).double().mean().item()
            )
        return metrics

    @staticmethod
    def _stack(results: list) -> tuple[dict[str, Tensor], Tensor]:
        """Return L2-normalised features (N, D) by stream, and labels (N,)."""
        streams = {
            name: F.normalize(torch.stack([feats[name] for feats, _ in results]).float(), dim=1)
            for name in results[0][0]
        }
        if len(streams) > 1:
            # The inner product of concatenated unit vectors is the sum of their cosines.
            streams[f'{len(streams)}s'] = torch.cat(list(streams.values()), dim=1)
        return streams, torch.tensor([label for _, label in results])
