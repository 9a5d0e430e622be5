"""The sequences of a split that have a label, for evaluations, and the names of the classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.annotations.packing import PackedAnnotations
from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.errors import InputError


def class_names(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name of each class, if the file has names; an empty tuple otherwise.

    Args:
        facts (Mapping): What the file holds besides samples and splits. It may be anything.
    """
    names = facts.get('classes')
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()


def name_label(label: int, names: Sequence[str]) -> str:
    """Return words for a class, such as ``wave (label 9)``; only the number if it has no name."""
    return f'{names[label]} (label {label})' if 0 <= label < len(names) else f'label {label}'


def keep_labelled(
    annotations: PackedAnnotations, rows: np.ndarray, split: str | None
) -> np.ndarray:
    """Return the rows of sequences with a label; a log line says if there are others.

    Args:
        annotations (PackedAnnotations): Of a file.
        rows (np.ndarray): Rows of the split, shape (N,).
        split (str, optional): Its name, for messages.

    Raises:
        InputError: If no sequence has a label.
    """
    kept = rows[annotations.labels[rows] != UNLABELLED]
    if not len(kept):
        raise InputError(
            f'{annotations.path}: no sequence of {split or "it"} has a label, and an evaluation '
            'needs labels: convert the source again with --labels TABLE.csv'
        )
    if len(kept) < len(rows):
        print_log(
            f'{annotations.path}: {len(kept)} of {len(rows)} sequences of {split or "it"} have a '
            'label, and only these are used here',
            'current',
        )
    return kept
