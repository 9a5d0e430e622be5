from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.runner import EpochBasedTrainLoop, Runner, TestLoop, ValLoop
from torch import nn

from mmcmd.datasets.samplers import EpochSampler
from mmcmd.engine.seeding import seed_generators
from mmcmd.errors import InputError
from mmcmd.evaluation import GalleryMetric
from mmcmd.registry import LOOPS


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's training by epochs, with exact resume from a checkpoint of any iteration.

    mmengine's own loop can only resume at the end of an epoch. From a checkpoint in the middle of
    an epoch, it trains the whole epoch again. A validation that was interrupted is lost.

    - ``position`` counts the batches of the current epoch that are done. After a resume the
      sampler leaves them out; they are not loaded.
    - A validation that was due when the checkpoint was saved is run after the resume.
    - The global generators are seeded before each iteration with (seed, iteration). Dropout and the
      like therefore need no state in the checkpoint. They depend neither on the number of workers
      nor on the times of validation.

    Args:
        runner (Runner): The runner.
        dataloader (dict): Training loader with an :class:`EpochSampler`. With any other sampler, a
            resumed epoch loads the batches that are done and drops them.
        epoch_steps (int, optional): Steps of an epoch, whatever the size of the training set
            (:meth:`EpochSampler.extend`). A schedule then says how many steps are made on any data
            set. By default an epoch is one pass over the training set.
        **kwargs: ``max_epochs``, ``val_begin``, ``val_interval`` and ``dynamic_intervals`` of
            mmengine's ``EpochBasedTrainLoop``.

    Raises:
        InputError: If ``epoch_steps`` is below 1, or the sampler is not an :class:`EpochSampler`.
    """

    def __init__(
        self, runner: Runner, dataloader: Any, epoch_steps: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(runner, dataloader, **kwargs)
        if epoch_steps is not None:
            self._extend_epochs(epoch_steps)
        self.position = 0
        self.validated = True  # also if no validation is due
        self.on_exit = ExitStack()  # hooks put here what must be undone when the training ends

    def state_dict(self) -> dict[str, Any]:
        """Return where the training is, besides mmengine's ``epoch`` and ``iter``."""
        return {
            # Samples, because the number of batches depends on the number of ranks.
            'samples': self.position * self._global_batch,
            'validated': self.validated,
            # mmengine restores the seed of the runner, but only after the sampler was built.
            'sampler_seed': getattr(self.dataloader.sampler, 'seed', None),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            InputError: If the saved position is in the middle of a batch, because the global
                batch has changed.
        """
        self.position, rest = divmod(state['samples'], self._global_batch)
        self.validated = state['validated']
        self.dataloader.sampler.seed = state['sampler_seed']
        if rest:
            raise InputError(
                f'the checkpoint lies {state["samples"]} sequences into an epoch, which is no '
                f'multiple of the {self._global_batch} that all ranks now train on in an '
                'iteration; resume with the batch size and the number of ranks of before'
            )

    def run(self) -> nn.Module:
        """Train to the end."""
        with self.on_exit:
            self._call_before_train()
            if not self.validated:
                self._validate()
            while self._epoch < self._max_epochs and not self.stop_training:
                self.run_epoch()
                self._validate()
            self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Train on what remains of the epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        for batch in self._remaining_batches():
            seed_generators(self.runner.seed, self._iter)
            self.position += 1  # hooks after the iteration must count it as done
            self.run_iter(self.position - 1, batch)
        self.position, self.validated = 0, False
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _call_before_train(self) -> None:
        """Call the hooks, and keep epoch and iteration in the message hub as in the checkpoint.

        On a resume, mmengine writes the numbers of the next iteration there. A run that was not
        interrupted still has the numbers of the last iteration.
        """
        hub = self.runner.message_hub
        loaded = {name: hub.get_info(name) for name in ('epoch', 'iter')}
        self.runner.call_hook('before_train')
        hub.update_info_dict({name: x for name, x in loaded.items() if x is not None})

    def _extend_epochs(self, steps: int) -> None:
        sampler = self.dataloader.sampler
        if steps < 1 or not isinstance(sampler, EpochSampler):
            raise InputError(
                f'train_cfg.epoch_steps={steps} must be 1 or more, and needs an EpochSampler, but '
                f'the sampler is {type(sampler).__name__}; set train_dataloader.sampler.type'
            )
        sampler.extend(steps * self._global_batch)
        self._max_iters = self._max_epochs * len(self.dataloader)

    @property
    def _global_batch(self) -> int:
        return (self.dataloader.batch_size or 1) * get_world_size()

    def _remaining_batches(self) -> Iterable:
        sampler = self.dataloader.sampler
        if isinstance(sampler, EpochSampler):
            sampler.start = self.position * self.dataloader.batch_size
            return self.dataloader
        return islice(self.dataloader, self.position, None)

    def _validate(self) -> None:
        self._decide_current_val_interval()
        self.validated = True  # set now, because the result of the validation may save a checkpoint
        due = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if self.runner.val_loop is not None and self._epoch >= self.val_begin and due:
            self.runner.val_loop.run()


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
        self.runner.call_hook('before_gallery')
        metrics = [x for x in self.evaluator.metrics if isinstance(x, GalleryMetric)]
        self.runner.model.eval()
        with torch.no_grad():
            for batch in self.gallery_dataloader:
                samples = [x.to_dict() for x in self.runner.model.test_step(batch)]
                for metric in metrics:
                    metric.process(batch, samples)
                self.runner.call_hook('after_gallery_iter')
        for metric in metrics:
            metric.keep_as_gallery(size)
        return super().run()


@LOOPS.register_module()
class KNNValLoop(_GalleryMixin, ValLoop):
    """Validate by nearest neighbours in a gallery, during pre-training.

    Args:
        runner (Runner): The runner.
        dataloader (dict): Queries: the test split.
        evaluator (dict): A :class:`mmcmd.evaluation.GalleryMetric`, such as :class:`KNNMetric`.
        gallery_dataloader (dict): The labelled sequences.
    """


@LOOPS.register_module()
class KNNTestLoop(_GalleryMixin, TestLoop):
    """Test by nearest neighbours in a gallery; the arguments are :class:`KNNValLoop`'s."""
