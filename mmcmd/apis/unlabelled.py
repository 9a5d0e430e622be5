"""Pre-training on sequences without labels: the nearest neighbours need some, the training none."""

from pathlib import Path

from mmengine.config import Config, ConfigDict

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.datasets.annotations.store import open_annotations


def skip_unlabelled_validation(cfg: Config) -> str | None:
    """Leave out the nearest-neighbour evaluation of a pre-training whose data have no labels.

    A config is changed if no query or no entry of the gallery has a label. An evaluation at the
    end of a recipe is left out too.

    Args:
        cfg (Config): Of a training; changed in place.

    Returns:
        str | None: Says that the evaluation is left out, and why.

    Raises:
        InputError: If the annotations cannot be read.
    """
    loop = cfg.get('val_cfg') or {}
    if loop.get('type') != 'KNNValLoop':
        return None
    datasets = [cfg.val_dataloader.dataset, loop.gallery_dataloader.dataset]
    reason = next(filter(None, map(_lack_of_labels, datasets)), None)
    if reason is None:
        return None
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):  # a test refuses such data
        cfg[key] = None
    if cfg.get('final_evaluation'):
        cfg.final_evaluation = None
    checkpoint = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    for key in ('save_best', 'rule'):
        checkpoint.pop(key, None)
    return f'{reason}: there is no evaluation by nearest neighbours in this pre-training'


def _lack_of_labels(dataset: ConfigDict) -> str | None:
    """Say that a split has no labels, if that is so; other faults are the data set's to tell."""
    path, split = dataset.get('ann_file'), dataset.get('split')
    if not dataset.get('labelled') or not path or not Path(path).is_file():
        return None
    annotations = open_annotations(path)
    if (annotations.labels == UNLABELLED).all():
        return f'{path} has no labels'
    if split is not None and split not in annotations.splits:
        return None
    has_labels = (annotations.labels[annotations.select(split)] != UNLABELLED).any()
    return None if has_labels else f'{path}: no sequence of {split} has a label'
