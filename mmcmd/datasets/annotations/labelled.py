"""The sequences of a split that have a label, for evaluations."""

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.annotations.packing import PackedAnnotations
from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.errors import InputError


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
