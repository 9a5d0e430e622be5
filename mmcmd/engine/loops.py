from typing import Any

import torch
from mmengine.runner import Runner, TestLoop, ValLoop

from mmcmd.evaluation import KNNMetric
from mmcmd.registry import LOOPS


class _GalleryMixin:
    """Encode the gallery before the queries.

    Args:
        gallery_dataloader (dict): Loader of the labelled sequences that queries are compared to:
            the training split, with the test pipeline and an unshuffled sampler.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        evaluator: Any,
        gallery_dataloader: dict,
        **kwargs: Any,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **kwargs)
        self.gallery_dataloader = runner.build_dataloader(gallery_dataloader, seed=runner.seed)

    def run(self) -> dict:
        """Encode the gallery, then run the loop over the queries."""
        size = len(self.gallery_dataloader.dataset)
        self.runner.logger.info(f'encoding a gallery of {size} sequences')
        metrics = [x for x in self.evaluator.metrics if isinstance(x, KNNMetric)]
        self.runner.model.eval()
        with torch.no_grad():
            for batch in self.gallery_dataloader:
                samples = [x.to_dict() for x in self.runner.model.test_step(batch)]
                for metric in metrics:
                    metric.process(batch, samples)
        for metric in metrics:
            metric.keep_as_gallery(size)
        return super().run()


@LOOPS.register_module()
class KNNValLoop(_GalleryMixin, ValLoop):
    """Validate by nearest neighbours in a gallery, during pre-training.

    Args:
        runner (Runner): The runner.
        dataloader (dict): Queries: the test split.
        evaluator (dict): A :class:`mmcmd.evaluation.KNNMetric`.
        gallery_dataloader (dict): The labelled sequences.
    """


@LOOPS.register_module()
class KNNTestLoop(_GalleryMixin, TestLoop):
    """Test by nearest neighbours in a gallery; the arguments are :class:`KNNValLoop`'s."""
