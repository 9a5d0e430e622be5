"""Pre-training on sequences without labels, which an evaluation by nearest neighbours needs."""

from pathlib import Path

from mmengine.config import Config, ConfigDict

from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.datasets.annotations.store import open_annotations


def skip_unlabelled_validation(cfg: Config) -> str | None:
    """Leave out the nearest-neighbour evaluation of a pre-training whose data have no labels.

    A config is changed if no query or no entry of the gallery has a label. The evaluation at the
    end of a recipe is also left out.

    Args:
        cfg (Config): Config of a training; it is changed in place.

    Returns:
        str | None: Message that the evaluation is left out, and why; None if it stays.

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
    return f'{reason}, so this pre-training has no evaluation by nearest neighbours'


def _lack_of_labels(dataset: ConfigDict) -> str | None:
    """Return a message if a split has no labels, else None. The data set reports other errors."""
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
