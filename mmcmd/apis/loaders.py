"""The data loaders of a config."""

from typing import Any

from mmengine.config import Config, ConfigDict


def loaders(cfg: Config) -> dict[str, ConfigDict]:
    """Return the data loaders of a config by name, including those of galleries."""
    found = {name: cfg.get(name) for name in ('train_dataloader', 'val_dataloader')}
    found['test_dataloader'] = cfg.get('test_dataloader')
    for loop in ('val_cfg', 'test_cfg'):
        found[f'{loop}.gallery_dataloader'] = (cfg.get(loop) or {}).get('gallery_dataloader')
    return {name: loader for name, loader in found.items() if loader}


def set_dataset(cfg: Config, **values: Any) -> None:
    """Set arguments of every data set of a config, such as ``ann_file`` or ``clip_len``."""
    for loader in loaders(cfg).values():
        loader.dataset.update(values)


def map_joints(cfg: Config) -> None:
    """Copy ``map_to`` and ``map_joints`` of the data set to the loaders and to the model."""
    names = ('map_to', 'map_joints')
    set_dataset(cfg, **{name: cfg.data[name] for name in names if name in cfg.data})
    if 'map_to' in cfg.data and 'model' in cfg:
        cfg.model.layout = cfg.data.map_to
