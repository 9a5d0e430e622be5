"""Variants of the recipe in the study of docs/small_data.md.

A variant changes the config of configs/recipes/small.py. Several are joined with ``+``, such as
``shear=0.5+hidden_size=256``.
"""

from ast import literal_eval
from collections.abc import Callable
from typing import Any

from mmengine.config import Config

from mmcmd.apis import set_dataset
from mmcmd.errors import InputError
from mmcmd.io.encoders import persons_of

OPTIONS = {
    'hidden_size': 'model.backbone.hidden_size',
    'num_layers': 'model.backbone.num_layers',
    'mode': 'model.backbone.mode',
    'readout': 'model.backbone.readout',
    'modalities': 'model.modalities',
    'out_channels': 'model.neck.out_channels',
    'neck_hidden': 'model.neck.hidden_channels',
    'neck_norm': 'model.neck.with_norm',
    'queue': 'model.queue.size',
    'topk': 'model.distill_head.topk',
    'temperature': 'model.head.temperature',
    'teacher': 'model.distill_head.teacher_temperature',
    'student': 'model.distill_head.student_temperature',
    'distill_weight': 'model.distill_head.loss_weight',
    'momentum': 'model.momentum',
    'batch_size': 'train_dataloader.batch_size',
    'lr': 'optim_wrapper.optimizer.lr',
    'weight_decay': 'optim_wrapper.optimizer.weight_decay',
}
"""Variants that set one entry of the config."""
TRANSFORMS = {
    'crop': ('TemporalCropResize', 'ratio'),
    'min_frames': ('TemporalCropResize', 'min_frames'),
    'shear': ('Shear', 'beta'),
    'corrupted': ('JointCorruption', 'ratio'),
    'zeroed': ('JointCorruption', 'zero_prob'),
    'bones': ('BoneLengths', 'spread'),
    'turn': ('UpRotation', 'degrees'),
    'warp': ('TimeWarp', 'strength'),
    'noise': ('GaussianNoise', 'std'),
}
"""Variants that set an argument of a transform of the two views. A missing transform is added. The
value None removes a transform."""


def apply(cfg: Config, name: str) -> None:
    """Change the config as a name such as ``shear=0.5+hidden_size=256`` says.

    Raises:
        InputError: If there is no such variant.
    """
    for part in name.split('+'):
        key, _, text = part.partition('=')
        value = literal_eval(text) if text else None
        if key in OPTIONS:
            cfg.merge_from_dict({OPTIONS[key]: value})
        elif key in TRANSFORMS:
            _set_transform(cfg, *TRANSFORMS[key], value)
        elif key in OTHERS:
            OTHERS[key](cfg, value)
        else:
            known = ', '.join([*OPTIONS, *TRANSFORMS, *OTHERS])
            raise InputError(f'there is no variant {key!r}; variants are {known}')


def _set_transform(cfg: Config, kind: str, argument: str, value: Any) -> None:
    steps = cfg.train_dataloader.dataset.pipeline[1].views[0].transforms
    found = [step for step in steps if step['type'] == kind]
    if value is None:
        steps.remove(found[0])
    elif found:
        found[0][argument] = value
    else:
        steps.insert(len(steps) - 1, dict(type=kind, **{argument: value}))


def _frames(cfg: Config, value: int) -> None:
    cfg.clip_len = value
    set_dataset(cfg, clip_len=value)


def _test_ratio(cfg: Config, value: float) -> None:
    for loader in (cfg.val_dataloader, cfg.val_cfg.gallery_dataloader):
        loader.dataset.pipeline[1].ratio = value


def _raw(cfg: Config, _: None) -> None:
    cfg.model = dict(
        type='FeatureExtractor',
        modalities=cfg.model.modalities,
        layout=cfg.data.layout,
        backbone=dict(
            type='RawCoordinates',
            clip_len=cfg.clip_len,
            num_person=persons_of(cfg.test_pipeline),
        ),
    )


def _turned(cfg: Config, _: None) -> None:
    """Turn bodies upright and forward. The recipe itself does not do this."""
    loaders = cfg.train_dataloader, cfg.val_dataloader, cfg.val_cfg.gallery_dataloader
    for loader in loaders:
        loader.dataset.pipeline[0].turn = True


def _turn_y(cfg: Config, degrees: float) -> None:
    """Turn about y, the vertical of a sensor's coordinates."""
    _set_transform(cfg, 'UpRotation', 'degrees', degrees)
    _set_transform(cfg, 'UpRotation', 'axis', 1)


def _extreme(cfg: Config, prob: float | None) -> None:
    """Add the transforms of AimCLR's extreme view to both views, each with a probability."""
    transforms = (
        dict(type='RandomRotation'),
        dict(type='GaussianNoise', std=0.01),
        dict(type='TemporalBlur'),
        dict(type='AxisMask'),
    )
    steps = cfg.train_dataloader.dataset.pipeline[1].views[0].transforms
    for transform in transforms:
        step = dict(type='RandomApply', transforms=[transform], prob=prob or 0.5)
        steps.insert(len(steps) - 1, step)


OTHERS: dict[str, Callable[[Config, Any], None]] = {
    'turned': _turned,
    'turn_y': _turn_y,
    'extreme': _extreme,
    'recipe': lambda cfg, _: None,
    'frames': _frames,
    'test_ratio': _test_ratio,
    'raw': _raw,
    'no_distillation': lambda cfg, _: cfg.model.pop('distill_head'),
    'constant_lr': lambda cfg, _: cfg.update(param_scheduler=None),
}
"""Variants that change more than one entry."""
