"""Find twins, which are sequences with equal coordinates bit by bit, and splits that share them."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmcmd.datasets.annotations.findings import Finding, share


class Leak(NamedTuple):
    """Sequences that are both in a training split and in its test split.

    Attributes:
        train (str): Name of the training split.
        val (str): Name of the test split.
        names (list[tuple[str, str]]): Pairs of names: in train, and in val.
        total (int): Number of sequences of the test split.
    """

    train: str
    val: str
    names: list[tuple[str, str]]
    total: int

    def finding(self) -> Finding:
        """Return the number of these sequences as a finding, with its remedy."""
        first = ' and '.join(dict.fromkeys(self.names[0]))
        message = (
            f'LEAK: {share(len(self.names), self.total)} sequences of {self.val} are also in '
            f'{self.train}, such as {first}'
        )
        if any(train == val for train, val in self.names):
            return Finding(message, 'Name each sequence in one of the two splits only')
        return Finding(message, 'Convert the data again with --drop-twins')


def present(keypoint: np.ndarray) -> np.ndarray:
    """Return which persons of (M, T, V, C) are not all zero: bool, shape (M,)."""
    return keypoint.any(axis=(1, 2, 3))


def digest(keypoint: np.ndarray) -> bytes:
    """Return a hash of the coordinates (M, T, V, C) without empty persons; b'' if all are zero."""
    keypoint = np.ascontiguousarray(keypoint[present(keypoint)])
    head = f'{keypoint.shape} {keypoint.dtype.str}'.encode()
    return hashlib.blake2b(head + keypoint.tobytes()).digest() if keypoint.size else b''


def digests_of(annotations: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """Return the hash of each sample, by its name."""
    return {sample['frame_dir']: digest(sample['keypoint']) for sample in annotations}


def find_twins(digests: Mapping[str, bytes]) -> list[list[str]]:
    """Return the groups of samples with the same coordinates; samples of zeros are not twins."""
    groups = defaultdict(list)
    for name, value in digests.items():
        groups[value or name].append(name)
    return [names for names in groups.values() if len(names) > 1]


def find_leaks(split: Mapping[str, Sequence[str]], digests: Mapping[str, bytes]) -> list[Leak]:
    """Compare each training split with its test splits: they must not share names or twins.

    Args:
        split (Mapping[str, Sequence[str]]): Names of the samples of each split.
        digests (Mapping[str, bytes]): Result of :func:`digests_of`.
    """
    found = []
    for train, val in tested_splits(split):
        seen = {digests.get(name) or name: name for name in split[train]}
        keys = {name: digests.get(name) or name for name in split[val]}
        shared = [(seen[key], name) for name, key in keys.items() if key in seen]
        if shared:
            found.append(Leak(train, val, shared, len(keys.keys() & digests.keys()) or len(keys)))
    return found


def tested_splits(split: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return pairs of a training split and its test split, such as xsub_train and xsub_val."""
    return [
        (train, val)
        for train in split
        if train.endswith('train')
        for val in (train.removesuffix('train') + half for half in ('val', 'test'))
        if val in split
    ]


def without_twins(annotations: Sequence[dict[str, Any]]) -> tuple[list[dict], dict[str, str]]:
    """Keep the first sample of each group of twins.

    Returns:
        tuple: The samples that are kept, and a dict from the name of each dropped sample to the
        name of its twin.
    """
    digests = digests_of(annotations)
    dropped = {twin: first for first, *twins in find_twins(digests) for twin in twins}
    return [sample for sample in annotations if sample['frame_dir'] not in dropped], dropped


LEAKS = 'leaks'
"""Key of an annotation file with the leaks that the conversion found; a training reads them."""


def leak_facts(leaks: Sequence[Leak]) -> dict[str, Any]:
    """Return the entry of an annotation file about leaks; an empty dict if there are none."""
    facts = {leak.val: [leak.train, len(leak.names), leak.total] for leak in leaks}
    return {LEAKS: facts} if facts else {}


def leak_warning(facts: Mapping[str, Any], split: str | None) -> str | None:
    """Return a warning if an annotation file says that a split has leaks; None otherwise.

    Args:
        facts (Mapping): Entries of the file besides samples and splits. They may have any type.
        split (str, optional): Name of the test split.
    """
    leaks = facts.get(LEAKS)
    said = leaks.get(split) if isinstance(leaks, dict) else None
    if not isinstance(said, (list, tuple)) or len(said) != 3:
        return None
    train, *numbers = said
    if not isinstance(train, str) or not all(isinstance(x, int) for x in numbers):
        return None
    return (
        f'{share(*numbers)} sequences of {split} are also in {train}, so results on it are too '
        'good; convert the data again with --drop-twins'
    )
