"""Describe a training before it begins."""

from mmengine.config import Config

from mmcmd.apis.fitting import split_size
from mmcmd.skeletons import get_layout


def overview(cfg: Config) -> list[str]:
    """Return lines that name the data, the model and the folder of a pre-training.

    Args:
        cfg (Config): Config of the training, with ``data``, ``model`` and ``work_dir``.

    Raises:
        InputError: If the annotations cannot be read or lack a split.
    """
    data, model = cfg.data, cfg.model
    loaders = dict(training=cfg.train_dataloader, validation=cfg.val_dataloader)
    train = cfg.train_dataloader.dataset
    sizes = ' and '.join(
        f'{split_size(x.dataset)} {kind}' for kind, x in loaders.items() if x is not None
    )
    layout = get_layout(data.layout)
    backbone = {key: x for key, x in model.backbone.items() if key != 'type'}
    options = ', '.join(f'{key} {value}' for key, value in backbone.items())
    return [
        f'data: {data.name} ({train.ann_file}), {sizes} sequences, '
        f'{data.num_classes} classes, {layout.num_joints} joints ({layout.name})',
        f'model: {model.type} on {", ".join(model.modalities)}; {model.backbone.type} ({options}); '
        f'{cfg.clip_len} frames; batches of {cfg.train_dataloader.batch_size}',
        f'log, checkpoints and results: {cfg.work_dir}',
    ]
