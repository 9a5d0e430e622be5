"""Fit the sizes of a pre-training to the number of training sequences."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmcmd.datasets.annotations.parts import choose_part
from mmcmd.datasets.annotations.reading import AnnotationsNotFoundError
from mmcmd.datasets.annotations.store import open_annotations

NOTES = 'notes'
"""Entry of a config: what was chosen for this run, in words. The ``FittingHook`` logs it."""


def add_note(cfg: Config, note: str) -> None:
    """Add a line that the log of a training begins with."""
    cfg[NOTES] = [*cfg.get(NOTES, ()), note]


def split_size(dataset: Mapping[str, Any]) -> int:
    """Return the number of sequences that the config of a data set names.

    Args:
        dataset (Mapping): ``ann_file``, ``split`` and ``hold_out`` of :class:`SkeletonDataset`.

    Raises:
        InputError: If the file cannot be read, or a split or group is missing.
    """
    annotations = open_annotations(dataset['ann_file'])
    rows = annotations.select(dataset.get('split'))
    if hold_out := dataset.get('hold_out'):
        rows = choose_part(annotations, rows, **hold_out)
    return len(rows)


def training_size(cfg: Config) -> int | None:
    """Return the number of training sequences; None if the config or its file has none."""
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    if not dataset.get('ann_file'):
        return None
    try:
        return split_size(dataset)
    except AnnotationsNotFoundError:
        return None  # the data set says which command makes it


def fit_to_data(cfg: Config) -> None:
    """Shorten the batch, the queue and the number of neighbours of a small training set.

    A queue that is longer than the training set holds several keys of one sequence, which the loss
    takes for different sequences. So a queue is at most as long as the training set, K is at most
    half of the queue, and a batch is at most half of the training set.

    Only configs of the budget ``small`` are changed, but not those with ``fit_data=False``. The log
    tells what was changed.

    Args:
        cfg (Config): Config of a training or of a test; it is changed in place.
    """
    model, loader = cfg.get('model') or {}, cfg.get('train_dataloader')
    if cfg.get('budget') != 'small' or not cfg.get('fit_data', True) or 'queue' not in model:
        return
    size = training_size(cfg)
    if size is None:
        return
    changes = []

    def lower(part: Config, key: str, most: int, name: str) -> None:
        if part.get(key) is not None and part[key] > max(most, 1):
            changes.append(f'{name} {part[key]} -> {max(most, 1)}')
            part[key] = max(most, 1)

    lower(loader, 'batch_size', size // 2, 'batch_size')
    lower(model.queue, 'size', size, 'queue.size')
    if model.get('distill_head') and 'size' in model.queue:
        lower(model.distill_head, 'topk', model.queue.size // 2, 'distill_head.topk')
    if changes:
        add_note(
            cfg,
            f'fitted to {size} training sequences: {", ".join(changes)} '
            '(fit_data=False keeps them)',
        )
