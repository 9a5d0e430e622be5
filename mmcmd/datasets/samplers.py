"""The sampler of a training, which makes each augmentation repeatable."""

from collections.abc import Iterator, Sized

import torch
from mmengine.dataset import DefaultSampler

from mmcmd.registry import DATA_SAMPLERS

SampleKey = tuple[int, int, int]
"""(seed, epoch, index): the random numbers of a sample depend only on these three."""


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """mmengine's sampler, but it yields (seed, epoch, index) instead of the index alone.

    A worker process does not know the epoch, and mmengine seeds every worker with a constant. So
    without persistent workers, each epoch would repeat the same augmentations. With this key,
    :class:`SkeletonDataset` draws another augmentation of a sample in each epoch, and the same one
    for any number of workers and ranks. All ranks share one global order: rank r takes every
    (number of ranks)-th sample from r on. So the n-th batches of all ranks together are the n-th
    batch of a run with one rank.

    Args:
        dataset (Sized): The data set.
        shuffle (bool): Draw another order in each epoch. Defaults to True.
        seed (int, optional): Defaults to a random seed that all ranks share.
        drop_last (bool): If the number of samples is not a multiple of the number of ranks, leave
            out the last samples instead of repeating the first ones. Together with the loader's
            ``drop_last``, an epoch then has the same batches for any number of ranks. Defaults to
            False.
    """

    start = 0
    """Samples of this rank that are skipped, because a resumed epoch has used them already."""
    extended = False
    """Whether an epoch is a section of an endless order, see :meth:`extend`."""

    def __init__(
        self,
        dataset: Sized,
        shuffle: bool = True,
        seed: int | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(dataset, shuffle=shuffle, seed=seed)
        if drop_last:
            self.num_samples = len(dataset) // self.world_size
            self.total_size = self.num_samples * self.world_size

    def extend(self, num_samples: int) -> None:
        """Set the number of samples in an epoch, which may differ from the size of the data set.

        The data set is shuffled again and again, which makes one endless order. An epoch is a
        section of this order and begins where the previous epoch ended. The second part of a key is
        then the number of the shuffle, so each use of a sample has its own augmentation.

        Args:
            num_samples (int): Number of samples that all ranks together use in an epoch.
        """
        self.extended = True
        self.num_samples = num_samples // self.world_size
        self.total_size = self.num_samples * self.world_size

    def __iter__(self) -> Iterator[SampleKey]:
        """Iterate over the keys of this rank's share of the epoch."""
        if self.extended:
            return iter(self._stretch()[self.rank :: self.world_size][self.start :])
        indices = list(super().__iter__())[self.start :]
        return ((self.seed, self.epoch, index) for index in indices)

    def _stretch(self) -> list[SampleKey]:
        """Return the keys of an epoch for all ranks together."""
        size = len(self.dataset)
        first = self.epoch * self.total_size
        numbers = range(first // size, -(-(first + self.total_size) // size))
        keys = [(self.seed, number, index) for number in numbers for index in self._order(number)]
        return keys[first % size :][: self.total_size]

    def _order(self, number: int) -> list[int]:
        """Return the indices of the data set in the order of the shuffle with this number."""
        if not self.shuffle:
            return list(range(len(self.dataset)))
        generator = torch.Generator().manual_seed(self.seed + number)
        return torch.randperm(len(self.dataset), generator=generator).tolist()
