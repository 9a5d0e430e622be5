"""Divide a split in two parts: the sequences that are held out, and the rest."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.annotations.held_out import (
    FOLDS,
    GROUPS,
    Value,
    fold_of_sequences,
    fold_values,
    is_value,
    match_values,
    sort_values,
)
from mmcmd.datasets.annotations.packing import PackedAnnotations
from mmcmd.errors import InputError
from mmcmd.terminal import NOTICE


def choose_part(
    annotations: PackedAnnotations,
    rows: np.ndarray,
    keep: str,
    fold: int | None = None,
    values: Sequence[Value] = (),
    by: str | None = None,
    folds: int = FOLDS,
) -> np.ndarray:
    """Keep the part of a split that is held out, or the rest.

    A fold holds out a part of the subjects. If the samples have no subject, it holds out a part of
    the styles. If they have neither, or only one group exists, it draws sequences of each class.

    Args:
        annotations (PackedAnnotations): The file.
        rows (np.ndarray): Rows of the split, shape (N,).
        keep (str): ``'held_out'`` or ``'rest'``.
        fold (int, optional): The fold, from 0, see :func:`fold_values`.
        values (Sequence[int | str]): The groups to hold out, in place of a fold.
        by (str, optional): The field of a sample that holds its group. Defaults to the first of
            :data:`GROUPS` that all samples have.
        folds (int): Number of folds. Defaults to 5.

    Returns:
        np.ndarray: Rows, shape (K,).

    Raises:
        InputError: If a sample lacks the field, a group or the fold does not exist, or a part is
            empty.
    """
    if keep not in ('held_out', 'rest'):
        raise InputError(f"hold_out.keep must be 'held_out' or 'rest', got {keep!r}")
    by, groups = find_groups(annotations, rows, by)
    if fold is None and by is None:
        raise InputError(
            f'{annotations.path}: the samples have no {" or ".join(GROUPS)}, so none can '
            'be left out; convert the data with that field'
        )
    if by is None or (fold is not None and len(set(groups)) < 2):
        held = fold_of_sequences(annotations.labels[rows].tolist(), fold, folds)
        told = f'every {folds}th sequence of each class'
    else:
        try:
            chosen = match_values(values, groups, by) if fold is None else None
        except InputError as error:
            raise InputError(f'{annotations.path}: {error}') from None
        chosen = fold_values(groups, fold, folds) if chosen is None else chosen
        held = np.isin([str(group) for group in groups], [str(value) for value in chosen])
        told = f'{by} {", ".join(map(str, chosen))} ({len(chosen)} of {len(set(groups))})'
    part = rows[held if keep == 'held_out' else ~held]
    if not len(part):
        raise InputError(f'{annotations.path}: no sequence is left if {told} is held out')
    print_log(
        f'{annotations.path}: {told} is held out; {len(part)} of {len(rows)} sequences are used, '
        f'{"those that are held out" if keep == "held_out" else "the rest"}',
        'current',
        NOTICE,
    )
    _warn_of_classes(annotations.labels[part], annotations.labels[rows], told, keep)
    return part


def find_groups(
    annotations: PackedAnnotations, rows: Sequence[int], by: str | None = None
) -> tuple[str | None, list[Value]]:
    """Return the field that holds the groups of samples, and the group of each sample.

    Args:
        annotations (PackedAnnotations): The file.
        rows (Sequence[int]): Rows of the samples.
        by (str, optional): The field. Defaults to the first of :data:`GROUPS` that all samples
            have; the result is ``(None, [])`` if there is none.

    Raises:
        InputError: If a sample lacks the field that is asked for.
    """
    fields = [annotations.fields(row) for row in rows]
    for key in GROUPS if by is None else (by,):
        found = [sample.get(key) for sample in fields]
        if all(map(is_value, found)):
            return key, found
    if by is None:
        return None, []
    lacking = annotations.name(rows[[is_value(x) for x in found].index(False)])
    known = sort_values([key for key, value in fields[0].items() if is_value(value)])
    raise InputError(
        f'{annotations.path}: {lacking} has no {by!r}; fields of the samples: '
        f'{", ".join(known) or "none"}'
    )


def _warn_of_classes(part: Any, whole: Any, told: str, keep: str) -> None:
    missing = sorted(set(whole[whole >= 0].tolist()) - set(part.tolist()))
    if missing:
        which = 'the held-out part' if keep == 'held_out' else 'the rest'
        print_log(
            f'{told} is held out: {which} has no sequence of classes '
            f'{", ".join(map(str, missing[:10]))}{", ..." if len(missing) > 10 else ""}',
            'current',
            logging.WARNING,
        )
