from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.dist import collect_results
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmcmd.structures import sample_features


class GalleryMetric(BaseMetric):
    """Base class: top-1 accuracy of a classifier that is fitted to a labelled gallery.

    A subclass implements :meth:`classify`. ``top1`` is the accuracy of the first stream, and
    ``{stream}_top1`` is the accuracy of another stream. A KNN loop provides the gallery.

    The features are kept in CPU memory as float32. N sequences in S streams need ``4 * N * S * D``
    bytes. The gallery of NTU-60 x-sub (40,091, 3, 2048) needs 0.99 GB. The first rank holds the
    features of all ranks. Stacking the features of a split needs twice this memory for a short
    time. The gallery is released after the evaluation.

    Args:
        collect_device (str): Where mmengine collects the results of all ranks. Defaults to
            ``'cpu'``.
        prefix (str, optional): Prefix of the names of the metrics. Defaults to that of the
            subclass.

    Attributes:
        predictions (dict[str, Tensor]): Predicted classes (N,) of the last evaluation by stream,
            and the ``labels``. It is empty on all ranks except the first.
    """

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.predictions: dict[str, Tensor] = {}
        self.gallery: tuple[dict[str, Tensor], Tensor] | None = None

    def process(self, data_batch: Mapping, data_samples: Sequence[Mapping]) -> None:
        """Store the features and the label of each sample."""
        feats, labels = zip(*map(sample_features, data_samples), strict=True)
        # Use one transfer per stream. Store rows of a NumPy array, because pickle would store the
        # whole tensor with each row of a tensor.
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
        """Use the samples that were processed so far as the gallery.

        Args:
            size (int): Number of sequences in the data set of the gallery. Samples that a
                distributed sampler has added are dropped.
        """
        results = collect_results(self.results, size, self.collect_device)
        self.results.clear()
        self.gallery = None if results is None else _stack(results)

    def classify(
        self, queries: dict[str, Tensor], gallery: dict[str, Tensor], labels: Tensor
    ) -> dict[str, Tensor]:
        """Return the classes (N,) of the queries for each stream and for all streams together.

        Args:
            queries (dict[str, Tensor]): Features (N, D) by stream. They may be modified in place.
            gallery (dict[str, Tensor]): Features (G, D) by stream. They may be modified in place.
            labels (Tensor): Classes of the gallery, shape (G,).
        """
        raise NotImplementedError

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Classify the queries, and release the gallery."""
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
    """Return features (N, D) by stream, and labels (N,)."""
    streams = {
        name: torch.from_numpy(np.stack([feats[name] for feats, _ in results]))
        for name in results[0][0]
    }
    return streams, torch.tensor([label for _, label in results])
