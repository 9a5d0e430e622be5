"""Linear evaluation on features that are encoded once, in place of new ones in every epoch."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import product
from typing import Any

import torch
from mmaction.structures import ActionDataSample
from mmengine.dist import all_gather, all_gather_object, get_rank, get_world_size
from mmengine.model import BaseModel
from mmengine.runner import Runner, autocast
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mmcmd.datasets.samplers import SampleKey
from mmcmd.engine.loops import ResumableEpochLoop
from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.errors import InputError
from mmcmd.registry import LOOPS


class FeatureDataset(Dataset):
    """Features of the crops of a data set, in the place of their coordinates.

    Args:
        feats (Tensor): Shape (crops, N, clips, S, D), of S modalities.
        samples (list[ActionDataSample]): Labels and names of the N sequences.
    """

    def __init__(self, feats: Tensor, samples: list[ActionDataSample]) -> None:
        self.feats = feats
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, keys: Sequence[int | SampleKey]) -> dict[str, Any]:
        """Return a batch, in the crop of its epoch; the epochs take turns with the crops."""
        keys = [key if isinstance(key, tuple) else (0, 0, key) for key in keys]
        crops = [epoch % len(self.feats) for _, epoch, _ in keys]
        indices = [index for *_, index in keys]
        return {
            'inputs': self.feats[crops, indices],
            'data_samples': [self.samples[index] for index in indices],
        }


def as_it_is(batch: dict[str, Any]) -> dict[str, Any]:
    """Collate what has come as a batch."""
    return batch


@torch.no_grad()
def cache_features(
    model: BaseModel,
    loader: DataLoader,
    num_crops: int = 1,
    context: Callable[[], AbstractContextManager] = nullcontext,
    after_batch: Callable[[], None] | None = None,
) -> DataLoader:
    """Encode what a loader gives, once; the ranks share the work.

    They gather each batch when it is encoded: besides the features, which each rank has whole in
    the memory of the host, there is only a batch of each rank, on the device of the model.

    Args:
        model (BaseModel): A :class:`mmcmd.models.SkeletonClassifier`.
        loader (DataLoader): Of a :class:`mmcmd.datasets.SkeletonDataset`. Its crops are those of
            its sampler's seed and the epochs 0 to ``num_crops - 1``.
        num_crops (int): Crops of each sequence. Defaults to 1.
        context (Callable): -> what a batch is encoded in, such as autocast.
        after_batch (Callable, optional): Called after each batch, by all ranks equally often.

    Returns:
        DataLoader: Of a :class:`FeatureDataset`, with the sampler and batches of ``loader``.
    """
    size, world_size = len(loader.dataset), get_world_size()
    share = -(-size // world_size)  # the ranks take turns; the last ones start again from 0
    indices = [(get_rank() + turn * world_size) % size for turn in range(share)]
    seed = getattr(loader.sampler, 'seed', 0)
    crops = DataLoader(
        loader.dataset,
        batch_size=loader.batch_size,
        sampler=[(seed, crop, index) for crop, index in product(range(num_crops), indices)],
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
        pin_memory=loader.pin_memory,
    )
    model.eval()
    feats, samples, done = None, [], 0
    for batch in crops:
        samples += batch['data_samples'][: share - len(samples)]
        with context():
            batch = model.data_preprocessor(batch)
            encoded = model.encode(batch['inputs'], batch['data_samples'])
        encoded = torch.stack(all_gather(encoded), dim=1)
        if feats is None:
            feats = torch.empty(
                num_crops * share, *encoded.shape[1:], dtype=encoded.dtype, device='cpu'
            )
        feats[done : done + len(encoded)] = encoded
        done += len(encoded)
        if after_batch is not None:
            after_batch()
    feats = feats.unflatten(0, (num_crops, share)).flatten(1, 2)[:, :size]
    samples = [x for turn in zip(*all_gather_object(samples), strict=True) for x in turn][:size]
    return DataLoader(
        FeatureDataset(feats, samples),
        batch_size=loader.batch_size,
        sampler=loader.sampler,
        drop_last=loader.drop_last,
        collate_fn=as_it_is,
        pin_memory=loader.pin_memory,
    )


@LOOPS.register_module()
class CachedFeatureLoop(ResumableEpochLoop):
    """Train the heads of frozen encoders on features that are computed once.

    :class:`ResumableEpochLoop` with a frozen encoder encodes a new random crop of each sequence
    in every epoch. This loop encodes ``num_crops`` of them, those of the first epochs, before the
    training, and epoch e takes crop ``e % num_crops``; the order of the sequences, hooks,
    checkpoints and resuming are the same, and so are the results if there is a crop for each
    epoch. The split that is validated on, of which a test takes one crop only, is encoded once
    too.

    The training split is encoded in the context of the optimizer wrapper (autocast with
    ``--amp``), the other one in that of the validation loop, as both are in the exact mode.

    The features are kept in the memory of each rank: ``4 * crops * N * S * D`` bytes for N
    sequences in S modalities, for NTU-60 x-sub (40,091, 3, 2048) 0.99 GB a crop, and half of it
    where autocast makes them 16 bits wide. A resume encodes them again.

    Args:
        runner (Runner): The runner.
        dataloader (dict): With an :class:`EpochSampler`.
        num_crops (int): Random crops of each training sequence. Defaults to 2.
        **kwargs: :class:`ResumableEpochLoop`'s.

    Raises:
        InputError: If the encoders are not frozen, or ``num_crops`` is below 1.
    """

    def __init__(self, runner: Runner, dataloader: dict, num_crops: int = 2, **kwargs: Any) -> None:
        super().__init__(runner, dataloader, **kwargs)
        model = unwrapped_model(runner)
        if not getattr(model, 'frozen', False):
            raise InputError(
                'features can be kept of frozen encoders only; set model.frozen=True, or '
                'train_cfg.type=ResumableEpochLoop to encode in every epoch'
            )
        if num_crops < 1:
            raise InputError(f'train_cfg.num_crops={num_crops} must be at least 1')
        self.model = model
        self.num_crops = min(num_crops, self._passes)

    @property
    def _passes(self) -> int:
        """How often the training sees the data set; the last time is perhaps not whole."""
        if not getattr(self.dataloader.sampler, 'extended', False):
            return self._max_epochs
        return -(-self._max_iters * self._global_batch // len(self.dataloader.dataset))

    def _call_before_train(self) -> None:
        """Call the hooks, and put features in the place of coordinates."""
        super()._call_before_train()
        context = partial(self.runner.optim_wrapper.optim_context, self.runner.model)
        self.dataloader = self._cached('training', self.dataloader, self.num_crops, context)
        self.model.fit_heads(self.dataloader.dataset.feats)
        if (validation := self.runner.val_loop) is not None:
            context = partial(autocast, enabled=validation.fp16)
            validation.dataloader = self._cached('validation', validation.dataloader, 1, context)

    def _cached(
        self,
        name: str,
        loader: DataLoader,
        num_crops: int,
        context: Callable[[], AbstractContextManager],
    ) -> DataLoader:
        size = len(loader.dataset)
        self.runner.logger.info(f'encoding {num_crops} x {size} sequences for {name}')
        after_batch = partial(self.runner.call_hook, 'after_feature_iter')
        cached = cache_features(self.model, loader, num_crops, context, after_batch)
        size = cached.dataset.feats.nbytes / 2**20
        self.runner.logger.info(f'the features for {name} take {size:.0f} MiB of memory')
        return cached
