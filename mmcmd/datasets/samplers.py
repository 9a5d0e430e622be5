from collections.abc import Iterator

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
    workers and ranks, and another one in each epoch.
    """

    def __iter__(self) -> Iterator[SampleKey]:
        """Iterate over the keys of this rank's share of the epoch."""
        return ((self.seed, self.epoch, index) for index in super().__iter__())
