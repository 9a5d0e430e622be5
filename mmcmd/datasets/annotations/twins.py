"""Sequences with the same coordinates, bit by bit, and splits that share them."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmcmd.datasets.annotations.findings import Finding, share


class Leak(NamedTuple):
    """Sequences that a split both trains and tests on.

    Attributes:
        train (str): Name of the training split.
        val (str): Name of the split that tests it.
        names (list[tuple[str, str]]): Pairs of names, of train and val.
        total (int): Sequences of the split that tests.
    """

    train: str
    val: str
    names: list[tuple[str, str]]
    total: int

    def finding(self) -> Finding:
        """Say how many there are, and what to do."""
        first = ' and '.join(dict.fromkeys(self.names[0]))
        message = (
            f'LEAK: {share(len(self.names), self.total)} sequences of {self.val} are also in '
            f'{self.train}, such as {first}'
        )
        if any(train == val for train, val in self.names):
            return Finding(message, 'Name each sequence in one of the two splits only')
        return Finding(message, 'Convert the data again with --drop-twins')


def present(keypoint: np.ndarray) -> np.ndarray:
    """Tell the persons of (M, T, V, C) that are not all zero, (M,)."""
    return keypoint.any(axis=(1, 2, 3))


def digest(keypoint: np.ndarray) -> bytes:
    """Hash the coordinates of the persons there are; empty if they are all zero."""
    keypoint = np.ascontiguousarray(keypoint[present(keypoint)])
    head = f'{keypoint.shape} {keypoint.dtype.str}'.encode()
    return hashlib.blake2b(head + keypoint.tobytes()).digest() if keypoint.size else b''


def digests_of(annotations: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """Return the hash of each sample, by its name."""
    return {sample['frame_dir']: digest(sample['keypoint']) for sample in annotations}


def find_twins(digests: Mapping[str, bytes]) -> list[list[str]]:
    """Return the groups of samples with the same coordinates; all-zero samples are no twins."""
    groups = defaultdict(list)
    for name, value in digests.items():
        groups[value or name].append(name)
    return [names for names in groups.values() if len(names) > 1]


def find_leaks(split: Mapping[str, Sequence[str]], digests: Mapping[str, bytes]) -> list[Leak]:
    """Compare each training split with those that test it: the same names, or twins.

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
    """Return the pairs of a training split and a split that tests it, such as ``xsub_val``."""
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
"""Key of an annotation file: what the conversion has found, so that no training searches again."""


def leak_facts(leaks: Sequence[Leak]) -> dict[str, Any]:
    """Return what an annotation file says about leaks; nothing if there are none."""
    facts = {leak.val: [leak.train, len(leak.names), leak.total] for leak in leaks}
    return {LEAKS: facts} if facts else {}


def leak_warning(facts: Mapping[str, Any], split: str | None) -> str | None:
    """Say what an annotation file tells of leaks into a split; None if it tells nothing.

    Args:
        facts (Mapping): What the file holds besides samples and splits. It may be anything.
        split (str, optional): Name of the split that tests.
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
