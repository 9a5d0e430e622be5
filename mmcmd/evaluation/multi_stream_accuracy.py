from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.evaluation import AccMetric
from torch import Tensor

from mmcmd.registry import METRICS
from mmcmd.structures import sample_streams


@METRICS.register_module()
class MultiStreamAccuracy(AccMetric):
    """mmaction2's accuracy for each stream of :class:`mmcmd.models.SkeletonClassifier`.

    ``acc/top1`` is the accuracy of the first stream, ``acc/{stream}_top1`` that of each stream, and
    ``acc/{n}s_top1`` that of the fused scores of n streams. The same names exist with ``top5`` and
    ``mean1``.

    Attributes:
        predictions (dict[str, Tensor]): Predicted classes (N,) of the last evaluation by stream,
            and the ``labels``. It is empty on all ranks except the first.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.predictions: dict[str, Tensor] = {}

    def process(self, data_batch: Mapping, data_samples: Sequence[Mapping]) -> None:
        """Store the scores, the label and the order of the streams of each sample."""
        first = len(self.results)
        super().process(data_batch, data_samples)
        for result, sample in zip(self.results[first:], data_samples, strict=True):
            result['streams'] = sample_streams(sample)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute mmaction2's metrics. Those of the first stream also get names without stream."""
        streams = results[0]['streams']
        labels = [result['label'] for result in results]
        metrics = {}
        self.predictions = {'labels': torch.tensor(labels)}
        for stream in streams:
            scores = [result['pred'][stream] for result in results]
            self.predictions[stream] = torch.tensor([int(row.argmax()) for row in scores])
            for name, value in self.calculate(scores, labels).items():
                metrics[f'{stream}_{name}'] = float(value)
                if stream == streams[0]:
                    metrics[name] = float(value)
        return metrics
