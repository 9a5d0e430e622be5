"""Linear evaluation on features that are encoded once, not in every epoch."""

from collections.abc import Callable, Mapping, Sequence
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
    """The features of the crops of a data set.

    Args:
        feats (Tensor): Features of S modalities, of shape (crops, N, clips, S, D).
        samples (list[ActionDataSample]): Labels and names of the N sequences.
        metainfo (Mapping, optional): Facts of the data set, such as its class names. Checkpoints
            store them.
    """

    def __init__(
        self,
        feats: Tensor,
        samples: list[ActionDataSample],
        metainfo: Mapping[str, Any] | None = None,
    ) -> None:
        self.feats = feats
        self.samples = samples
        self.metainfo = dict(metainfo or {})

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, keys: Sequence[int | SampleKey]) -> dict[str, Any]:
        """Return a batch. Epoch e takes crop ``e % crops``."""
        keys = [key if isinstance(key, tuple) else (0, 0, key) for key in keys]
        crops = [epoch % len(self.feats) for _, epoch, _ in keys]
        indices = [index for *_, index in keys]
        return {
            'inputs': self.feats[crops, indices],
            'data_samples': [self.samples[index] for index in indices],
        }


def as_it_is(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the batch. The data set has already collated it."""
    return batch


@torch.no_grad()
def cache_features(
    model: BaseModel,
    loader: DataLoader,
    num_crops: int = 1,
    context: Callable[[], AbstractContextManager] = nullcontext,
    after_batch: Callable[[], None] | None = None,
) -> DataLoader:
    """Encode all crops of a loader once. The ranks share the work.

    Each batch is gathered when it is encoded. So every rank keeps all features in the memory of the
    host, and the device holds one batch of each rank.

    Args:
        model (BaseModel): A :class:`mmcmd.models.SkeletonClassifier`.
        loader (DataLoader): Loader of a :class:`mmcmd.datasets.SkeletonDataset`. Its crops are
            those of the epochs 0 to ``num_crops - 1``, with the seed of its sampler.
        num_crops (int): Number of crops of each sequence. Defaults to 1.
        context (Callable): Returns a context manager in which a batch is encoded, such as autocast.
        after_batch (Callable, optional): Is called after each batch, equally often on all ranks.

    Returns:
        DataLoader: Loader of a :class:`FeatureDataset`, with the sampler and the batch size of
        ``loader``.
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
        FeatureDataset(feats, samples, getattr(loader.dataset, 'metainfo', None)),
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
    in every epoch. This loop encodes the crops of the first ``num_crops`` epochs before the
    training. Epoch e then takes crop ``e % num_crops``. The order of the sequences, hooks,
    checkpoints and resuming are the same. If there is a crop for each epoch, the results are the
    same, too. The validation split has one crop, and is also encoded once.

    Heads that whiten features measure the covariance of all cached training features.

    The training split is encoded in the context of the optimizer wrapper (autocast with
    ``--amp``), and the validation split in that of the validation loop.

    Each rank keeps all features in memory: ``4 * crops * N * S * D`` bytes for N sequences in S
    modalities. For NTU-60 x-sub (40,091, 3, 2048) this is 0.99 GB a crop, and half of it if
    autocast makes features of 16 bits. A resumed training encodes them again.

    Args:
        runner (Runner): The runner.
        dataloader (dict): Training loader with an :class:`EpochSampler`.
        num_crops (int): Number of random crops of each training sequence. Defaults to 2.
        **kwargs: Arguments of :class:`ResumableEpochLoop`.

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
        """Number of passes over the data set. The last one may be incomplete."""
        if not getattr(self.dataloader.sampler, 'extended', False):
            return self._max_epochs
        return -(-self._max_iters * self._global_batch // len(self.dataloader.dataset))

    def _call_before_train(self) -> None:
        """Call the hooks, and replace the coordinates by features."""
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
