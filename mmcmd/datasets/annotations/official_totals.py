"""Official numbers of sequences, to compare a file with."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple


class Total(NamedTuple):
    """Official numbers of training and validation sequences of one split."""

    title: str
    split: str
    train: int
    val: int


TOTALS = {
    'ntu60_xsub': Total('NTU RGB+D 60', 'xsub', 40_091, 16_487),
    'ntu60_xview': Total('NTU RGB+D 60', 'xview', 37_646, 18_932),
    'ntu120_xsub': Total('NTU RGB+D 120', 'xsub', 63_026, 50_919),
    'ntu120_xset': Total('NTU RGB+D 120', 'xset', 54_468, 59_477),
    'pkummd2_xsub': Total('PKU-MMD II', 'xsub', 5_332, 1_613),
}


def totals_of(dataset: str | None, splits: Iterable[str]) -> list[str]:
    """Return the keys of the totals of a data set, such as ``ntu60``, for the given splits."""
    return [
        key
        for key, total in TOTALS.items()
        if key == f'{dataset}_{total.split}' and f'{total.split}_train' in splits
    ]


def differences(key: str, counts: Mapping[str, int]) -> Iterator[str]:
    """Describe each split with a number of sequences that is not the official one.

    Args:
        key (str): Key of :data:`TOTALS`.
        counts (Mapping[str, int]): Number of sequences of each split in the file.
    """
    total = TOTALS[key]
    for half, official in (('train', total.train), ('val', total.val)):
        split = f'{total.split}_{half}'
        count = counts.get(split, 0)
        if count != official:
            more = 'more' if count > official else 'fewer'
            yield (
                f'{split} has {count:,} sequences, {total.title} officially {official:,}: '
                f'{abs(count - official):,} {more}'
            )
