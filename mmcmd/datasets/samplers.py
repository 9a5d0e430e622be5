from collections.abc import Iterator, Sized

import torch
from mmengine.dataset import DefaultSampler

from mmcmd.registry import DATA_SAMPLERS

SampleKey = tuple[int, int, int]
"""(seed, epoch, index): all that the randomness of one sample is a function of."""


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """mmengine's sampler that hands out (seed, epoch, index) instead of the bare index.

    A worker process does not know the epoch, and mmengine seeds every worker with a constant, so
    that without persistent workers each epoch repeats one augmentation stream. With this key
    :class:`SkeletonDataset` draws the same augmentation for a sample whatever the number of
    workers and ranks, and another one in each epoch. Ranks take turns in one global order, so
    that the n-th batches of all ranks together are the n-th batch of a single one.

    Args:
        dataset (Sized): The data set.
        shuffle (bool): Draw another order in each epoch. Defaults to True.
        seed (int, optional): Defaults to one that the ranks agree on.
        drop_last (bool): Leave out the samples that do not go round all ranks, instead of
            repeating the first ones. Together with the loader's ``drop_last`` an epoch then has
            the same batches for any number of ranks. Defaults to False.
    """

    start = 0
    """How many samples of this rank's share are left out, because a resumed epoch has had them."""
    extended = False
    """Whether an epoch is a stretch of an endless order, see :meth:`extend`."""

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
        """Give an epoch this many samples, whatever the size of the data set.

        The data set is shuffled again and again, which makes one endless order. An epoch is a
        stretch of this order and begins where the epoch before has ended. The second part of a
        key is then the number of the shuffle, so that each visit of a sample has an augmentation of
        its own.

        Args:
            num_samples (int): Samples that all ranks together take in an epoch.
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
        """Return the keys of an epoch, of all ranks."""
        size = len(self.dataset)
        first = self.epoch * self.total_size
        numbers = range(first // size, -(-(first + self.total_size) // size))
        keys = [(self.seed, number, index) for number in numbers for index in self._order(number)]
        return keys[first % size :][: self.total_size]

    def _order(self, number: int) -> list[int]:
        """Return the indices of the data set in the order of a shuffle."""
        if not self.shuffle:
            return list(range(len(self.dataset)))
        generator = torch.Generator().manual_seed(self.seed + number)
        return torch.randperm(len(self.dataset), generator=generator).tolist()
