"""Split an annotation file by subject, or by another field of its samples."""

from collections.abc import Sequence
from typing import Any

from mmcmd.datasets.annotations.held_out import (
    FOLDS,
    Value,
    fold_of_sequences,
    is_value,
    match_values,
    sort_values,
)
from mmcmd.errors import InputError

RANDOM = 'random'
"""Splits of this kind draw sequences, whoever performed them."""


def split_by(
    annotations: Sequence[dict[str, Any]], key: str, values: Sequence[Value] | None = None
) -> dict[str, list[str]]:
    """Split samples in two: those of some subjects are for validation, all others for training.

    Args:
        annotations (Sequence[dict]): Samples, see
            :func:`mmcmd.datasets.annotations.reading.load_annotations`.
        key (str): Field of the samples, such as ``subject``, ``view`` or ``style``. With
            ``'random'``, a fifth of the sequences of each class is for validation.
        values (Sequence[int | str], optional): Values of this field that are for validation.

    Returns:
        dict[str, list[str]]: Names of samples of ``xsub_train`` and ``xsub_val`` for the field
        ``subject``, of ``random_train`` and ``random_val`` for ``'random'``, and of ``xview_train``
        and ``xview_val`` for ``view``, or any other field.

    Raises:
        InputError: If a sample lacks the field, a value does not exist, or a split would be empty.
    """
    if key == RANDOM:
        if values:
            raise InputError(f'--split-by {RANDOM} takes no --val-subjects')
        # The last fold takes none of a class that has fewer sequences than there are folds.
        held = fold_of_sequences([sample['label'] for sample in annotations], FOLDS - 1, FOLDS)
        return _halves(RANDOM, annotations, held.tolist())
    found = [sample.get(key) for sample in annotations]
    if lacking := [x for x, value in zip(annotations, found, strict=True) if not is_value(value)]:
        known = {name for x in annotations for name, value in x.items() if is_value(value)}
        known -= {'frame_dir', 'total_frames'}
        raise InputError(
            f'--split-by {key}: {len(lacking)} of {len(found)} samples do not tell their {key}, '
            f'such as {lacking[0]["frame_dir"]}; some or all tell {", ".join(sorted(known))}'
        )
    if values is None:
        there = ', '.join(map(str, sort_values(found)))
        raise InputError(f'--split-by {key} needs --val-subjects, some of these {key}s: {there}')
    try:
        chosen = {str(value) for value in match_values(values, found, key)}
    except InputError as error:
        raise InputError(f'--val-subjects: {error}') from None
    name = 'xsub' if key == 'subject' else f'x{key}'
    return _halves(name, annotations, [str(value) in chosen for value in found])


def _halves(
    name: str, annotations: Sequence[dict[str, Any]], held: Sequence[bool]
) -> dict[str, list[str]]:
    halves: dict[str, list[str]] = {f'{name}_train': [], f'{name}_val': []}
    for sample, is_held in zip(annotations, held, strict=True):
        halves[f'{name}_val' if is_held else f'{name}_train'].append(sample['frame_dir'])
    if empty := [split for split, names in halves.items() if not names]:
        raise InputError(
            f'{empty[0]} would be empty: no class has {FOLDS} sequences; write the splits yourself'
        )
    return halves
