"""Adapt a pre-training to its training set: its sizes, and whether bodies are turned."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from mmengine.config import Config

from mmcmd.arguments import SMALL
from mmcmd.datasets.annotations.facing import measure_agreement
from mmcmd.datasets.annotations.packing import PackedAnnotations
from mmcmd.datasets.annotations.parts import choose_part
from mmcmd.datasets.annotations.reading import AnnotationsNotFoundError
from mmcmd.datasets.annotations.store import open_annotations
from mmcmd.skeletons import get_layout

NOTES = 'notes'
"""Config entry with lines of text about what was chosen for this run. ``FittingHook`` logs them."""
SAME_DIRECTION = 0.5
"""People face one direction if their agreement (:func:`measure_agreement`) is at least this."""
MOST_MEASURED = 500
"""Largest number of sequences whose direction is measured."""


def add_note(cfg: Config, note: str) -> None:
    """Add a line of text to the beginning of the log of a training."""
    cfg[NOTES] = [*cfg.get(NOTES, ()), note]


def split_size(dataset: Mapping[str, Any]) -> int:
    """Return the number of sequences that the config of a data set selects.

    Args:
        dataset (Mapping): ``ann_file``, ``split`` and ``hold_out`` of :class:`SkeletonDataset`.

    Raises:
        InputError: If the file cannot be read, or a split or group is missing.
    """
    return len(_open_split(dataset)[1])


def _open_split(dataset: Mapping[str, Any]) -> tuple[PackedAnnotations, np.ndarray]:
    annotations = open_annotations(dataset['ann_file'])
    rows = annotations.select(dataset.get('split'))
    if hold_out := dataset.get('hold_out'):
        rows = choose_part(annotations, rows, **hold_out)
    return annotations, rows


def training_size(cfg: Config) -> int | None:
    """Return the number of training sequences; None if the config or its file has none."""
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    if not dataset.get('ann_file'):
        return None
    try:
        return split_size(dataset)
    except AnnotationsNotFoundError:
        return None  # building the data set raises an error that names the command to run


def fit_to_data(cfg: Config) -> None:
    """Reduce the batch, the queue and the number of neighbours for a small training set.

    A queue that is longer than the training set holds several keys of one sequence, and the loss
    treats them as different sequences. So a queue is at most as long as the training set, K is at
    most half of the queue, and a batch is at most half of the training set.

    Bodies are turned if people face all directions, see :func:`_fit_turning`.

    Only configs with the budget ``small`` or ``own`` are changed, and not those with
    ``fit_data=False``. The log lists the changes.

    Args:
        cfg (Config): Config of a training or of a test; it is changed in place.
    """
    model, loader = cfg.get('model') or {}, cfg.get('train_dataloader')
    if cfg.get('budget') not in SMALL or not cfg.get('fit_data', True) or 'queue' not in model:
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
            '(fit_data=False keeps the old values)',
        )
    _fit_turning(cfg)


def _fit_turning(cfg: Config) -> None:
    """Let ``NormalizeSkeleton(turn=False)`` turn bodies if people face all directions.

    If all people face the sensor, turning bodies by the first frame adds more error than it
    removes (docs/small_data.md). If people face all directions and are not turned, the same motion
    has very different coordinates.
    """
    steps = [x for x in _entries(cfg) if x.get('type') == 'NormalizeSkeleton' and 'turn' in x]
    if not steps or any(step['turn'] for step in steps):
        return
    dataset = cfg.train_dataloader.dataset
    layout = get_layout(dataset.layout)
    if layout.spine is None or layout.shoulders is None:
        return
    annotations, rows = _open_split(dataset)
    few = rows[:: max(1, len(rows) // MOST_MEASURED)]
    agreement = measure_agreement((annotations[int(row)] for row in few), layout)
    if agreement < SAME_DIRECTION:
        for step in steps:
            step['turn'] = True
        add_note(
            cfg,
            f'people face many directions (agreement {agreement:.2f}, limit {SAME_DIRECTION}), so '
            'bodies are turned upright and forward (fit_data=False does not turn them)',
        )


def _entries(value: Any) -> Iterator[dict]:
    """Yield all dictionaries in a config."""
    if isinstance(value, Config):
        value = value._cfg_dict
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _entries(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _entries(item)
