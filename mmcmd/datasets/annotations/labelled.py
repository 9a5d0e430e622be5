"""The sequences of a split that have a label, for evaluations, and the names of the classes."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.annotations.packing import PackedAnnotations
from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.errors import InputError
from mmcmd.terminal import NOTICE


def class_names(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name of each class, if the file has names; an empty tuple otherwise.

    Args:
        facts (Mapping): Entries of the file besides samples and splits. They may have any type.
    """
    names = facts.get('classes')
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()


def name_label(label: int, names: Sequence[str]) -> str:
    """Return the name of a class as ``wave (label 9)``, or ``label 9`` if it has no name."""
    return f'{names[label]} (label {label})' if 0 <= label < len(names) else f'label {label}'


def keep_labelled(
    annotations: PackedAnnotations, rows: np.ndarray, split: str | None
) -> np.ndarray:
    """Return the rows of sequences with a label. If others exist, a log line gives the numbers.

    Args:
        annotations (PackedAnnotations): Annotations of a file.
        rows (np.ndarray): Rows of the split, shape (N,).
        split (str, optional): Name of the split, for messages.

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
        _tell_once(
            f'{annotations.path}: {len(kept)} of {len(rows)} sequences of {split or "it"} have a '
            'label, and evaluations use only these'
        )
    return kept


@cache
def _tell_once(message: str) -> None:
    """Print a message, if this process has not printed it yet. A recipe makes many loaders."""
    print_log(message, 'current', NOTICE)
