"""Choose the sequences to hold out, by performer, for a validation or for leave-one-out."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from mmcmd.errors import InputError

GROUPS = ('subject', 'style')
"""Fields of a sample with its performer or its style. The first one that exists is used."""

FOLDS = 5

Value = int | str


def is_value(value: object) -> bool:
    """Return whether a field of a sample can name a group: it is a whole number or text."""
    return isinstance(value, (int, str, np.integer)) and not isinstance(value, bool)


def sort_values(values: Sequence[Value]) -> list[Value]:
    """Return each value once: numbers first, then text."""
    plain = {value if isinstance(value, str) else int(value) for value in values}
    return sorted(plain, key=lambda value: (isinstance(value, str), value))


def fold_values(values: Sequence[Value], fold: int, folds: int = FOLDS) -> list[Value]:
    """Return the groups that a fold holds out. Each group is in exactly one fold.

    The draw depends on the groups alone, so it is the same in every run.

    Args:
        values (Sequence[int | str]): The group of each sequence, such as its subject.
        fold (int): Which fold, from 0.
        folds (int): Number of folds. With fewer groups than folds, each group is a fold.

    Raises:
        InputError: If there is no such fold.
    """
    groups = sort_values(values)
    count = min(folds, len(groups))
    _check_fold(fold, count)
    order = np.random.default_rng(0).permutation(len(groups))
    return sort_values([groups[index] for index in order[fold::count]])


def fold_of_sequences(labels: Sequence[int], fold: int, folds: int = FOLDS) -> np.ndarray:
    """Return which sequences a fold holds out if the performers are not known.

    Args:
        labels (Sequence[int]): Class of each sequence. Each fold holds out its share of each class.
        fold (int): Which fold, from 0.
        folds (int): Number of folds.

    Returns:
        np.ndarray: bool, shape (N,).

    Raises:
        InputError: If there is no such fold.
    """
    _check_fold(fold, folds)
    seen: Counter[Hashable] = Counter()
    held = np.zeros(len(labels), bool)
    for index in np.random.default_rng(0).permutation(len(labels)):
        held[index] = seen[labels[index]] % folds == fold
        seen[labels[index]] += 1
    return held


def _check_fold(fold: int, folds: int) -> None:
    if not 0 <= fold < folds:
        raise InputError(f'there is no fold {fold}; folds are 0 to {folds - 1}')


def match_values(texts: Sequence[Value], values: Sequence[Value], key: str) -> list[Value]:
    """Return the groups that a user has named; a number may be given as text.

    Args:
        texts (Sequence[int | str]): Names of groups, as the user wrote them.
        values (Sequence[int | str]): The groups that exist.
        key (str): The kind of group, such as ``subject``.

    Raises:
        InputError: If a group does not exist, or the user named all groups or none.
    """
    known = {str(value): value for value in sort_values(values)}
    unknown = [str(text) for text in texts if str(text) not in known]
    there = f'the {key}s are {", ".join(known)}'
    if unknown:
        raise InputError(f'there is no {key} {", ".join(unknown)}; {there}')
    chosen = sort_values([known[str(text)] for text in texts])
    if not chosen or len(chosen) == len(known):
        which = 'all of them' if chosen else 'none of them'
        raise InputError(
            f'{which} would be held out, so one of the two parts would be empty; {there}'
        )
    return chosen
