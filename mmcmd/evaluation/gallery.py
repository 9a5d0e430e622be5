from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.dist import collect_results
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmcmd.structures import sample_features


class GalleryMetric(BaseMetric):
    """Top-1 accuracy of a classifier that is fitted on the features of a labelled gallery.

    A subclass says how the queries are classified. ``top1`` is the accuracy of the first stream,
    ``{stream}_top1`` that of the others. A KNN loop gives the gallery.

    The features are float32 in the memory of the host: ``4 * N * S * D`` bytes of N sequences in S
    modalities, for the gallery of NTU-60 x-sub (40,091, 3, 2048) 0.99 GB, on the first rank those
    of all. While a split is stacked it takes twice that. The gallery is kept until it has been
    compared.

    Args:
        collect_device (str): mmengine's. Defaults to ``'cpu'``.
        prefix (str, optional): Defaults to that of the subclass.

    Attributes:
        predictions (dict[str, Tensor]): Predicted classes of the last evaluation, (N,), by stream,
            and the ``labels``. It is empty on other ranks than the first.
    """

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.predictions: dict[str, Tensor] = {}
        self.gallery: tuple[dict[str, Tensor], Tensor] | None = None

    def process(self, data_batch: Mapping, data_samples: Sequence[Mapping]) -> None:
        """Keep the features and label of each sample."""
        feats, labels = zip(*map(sample_features, data_samples), strict=True)
        # One transfer a modality. Rows of an array, as each row of a tensor is pickled with all.
        streams = {
            name: torch.stack([sample[name] for sample in feats]).float().cpu().numpy()
            for name in feats[0]
        }
        rows = zip(*streams.values(), strict=True)
        self.results += [
            (dict(zip(streams, row, strict=True)), label)
            for row, label in zip(rows, labels, strict=True)
        ]

    def keep_as_gallery(self, size: int) -> None:
        """Make what was processed so far the gallery.

        Args:
            size (int): Sequences in the gallery's data set; what a distributed sampler added is
                dropped.
        """
        results = collect_results(self.results, size, self.collect_device)
        self.results.clear()
        self.gallery = None if results is None else _stack(results)

    def classify(
        self, queries: dict[str, Tensor], gallery: dict[str, Tensor], labels: Tensor
    ) -> dict[str, Tensor]:
        """Return the classes (N,) of the queries by stream, and of several streams together.

        Args:
            queries (dict[str, Tensor]): Features (N, D) by stream. They may be changed.
            gallery (dict[str, Tensor]): Features (G, D) by stream. They may be changed.
            labels (Tensor): Classes of the gallery, shape (G,).
        """
        raise NotImplementedError

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Classify the queries, and let the gallery go."""
        (queries, labels), gallery, self.gallery = _stack(results), self.gallery, None
        first = next(iter(queries))
        predictions = self.classify(queries, *gallery)
        self.predictions = {name: x.cpu() for name, x in predictions.items()} | {'labels': labels}
        accuracy = {
            name: (predicted == labels).double().mean().item()
            for name, predicted in predictions.items()
        }
        return {
            'top1' if name == first else f'{name}_top1': value for name, value in accuracy.items()
        }


def _stack(results: list) -> tuple[dict[str, Tensor], Tensor]:
    """Return features (N, D) by modality, and labels (N,)."""
    streams = {
        name: torch.from_numpy(np.stack([feats[name] for feats, _ in results]))
        for name in results[0][0]
    }
    return streams, torch.tensor([label for _, label in results])
