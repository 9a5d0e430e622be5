"""Split an annotation file by subject, or by another field of its samples."""

from collections.abc import Callable, Iterable, Sequence
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
"""A split of this kind draws sequences at random, independent of the performer."""

ALL = 'all'
"""``all_train`` and ``all_val`` hold sequences of all files that were merged into one."""


def split_by(
    annotations: Sequence[dict[str, Any]], key: str, values: Sequence[Value] | None = None
) -> dict[str, list[str]]:
    """Split samples in two: those of some subjects are for validation, all others for training.

    Args:
        annotations (Sequence[dict]): Samples, see
            :func:`mmcmd.datasets.annotations.reading.load_annotations`.
        key (str): Field of the samples, such as ``subject``, ``view`` or ``style``. With
            ``'random'``, about a fifth of the sequences of each class is for validation, and at
            least one, if the class has two.
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
        # The second fold has one of two to six sequences of a class, and none of a single one.
        held = fold_of_sequences([sample['label'] for sample in annotations], 1, FOLDS)
        names = {x['frame_dir'] for x, is_held in zip(annotations, held, strict=True) if is_held}
        split = halves(RANDOM, annotations, lambda x: x['frame_dir'] not in names)
        if empty := [part for part, samples in split.items() if not samples]:
            raise InputError(
                f'{empty[0]} would be empty: no class has two sequences; write the splits yourself'
            )
        return split
    found = [sample.get(key) for sample in annotations]
    if lacking := [x for x, value in zip(annotations, found, strict=True) if not is_value(value)]:
        known = {name for x in annotations for name, value in x.items() if is_value(value)}
        known -= {'frame_dir', 'total_frames'}
        raise InputError(
            f'--split-by {key}: {len(lacking)} of {len(found)} samples have no field {key}, '
            f'such as {lacking[0]["frame_dir"]}; fields of the samples: {", ".join(sorted(known))}'
        )
    if values is None:
        there = ', '.join(map(str, sort_values(found)))
        raise InputError(f'--split-by {key} needs --val-subjects, some of these {key}s: {there}')
    try:
        chosen = {str(value) for value in match_values(values, found, key)}
    except InputError as error:
        raise InputError(f'--val-subjects: {error}') from None
    name = 'xsub' if key == 'subject' else f'x{key}'
    return halves(name, annotations, lambda x: str(x[key]) not in chosen)


def halves(
    name: str,
    annotations: Sequence[dict[str, Any]],
    is_training: Callable[[dict[str, Any]], bool],
) -> dict[str, list[str]]:
    """Divide samples into ``{name}_train`` and ``{name}_val``, which are pyskl's names.

    Args:
        name (str): Name of the split, such as ``xsub``.
        annotations (Sequence[dict]): Samples with ``frame_dir``.
        is_training (Callable): Returns True for a sample of the training half.

    Returns:
        dict[str, list[str]]: Names of the samples of each half.
    """
    split: dict[str, list[str]] = {f'{name}_train': [], f'{name}_val': []}
    for sample in annotations:
        half = f'{name}_train' if is_training(sample) else f'{name}_val'
        split[half].append(sample['frame_dir'])
    return split


def pairs_of(splits: Iterable[str]) -> list[str]:
    """Return each NAME of which ``NAME_train`` and ``NAME_val`` are both splits.

    Args:
        splits (Iterable[str]): Names of splits.
    """
    names = list(splits)
    return [
        name.removesuffix('_train')
        for name in names
        if name.endswith('_train') and f'{name.removesuffix("_train")}_val' in names
    ]
