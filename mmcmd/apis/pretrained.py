"""Put the encoders that a checkpoint describes into an evaluation config."""

import inspect
import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from mmcmd.apis.loaders import loaders, map_joints, set_dataset
from mmcmd.errors import InputError
from mmcmd.io.encoders import RECIPE
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout
from mmcmd.skeletons.layout_map import make_layout_map


def adopt(
    cfg: Config, source: str, description: dict, encoder: str | None, tested: bool = False
) -> None:
    """Change a config so that it evaluates the encoders of a checkpoint.

    Args:
        cfg (Config): Config of an evaluation; it is changed in place.
        source (str): Name of the checkpoint in messages.
        description (dict): Description of its encoders, see
            :func:`mmcmd.io.encoders.read_description`.
        encoder (str, optional): Encoder that the user has named.
        tested (bool): The checkpoint is only tested, and no training follows. Defaults to False.

    Raises:
        InputError: If the encoders do not fit the config.
    """
    model = cfg.model
    if not description:
        if encoder is None:
            raise InputError(
                f'{source} was made before version 0.2 and does not describe its encoders; add '
                '--encoder NAME, and the --budget and --cfg-options of its training'
            )
        return
    if tested and model.type == 'SkeletonClassifier' != description.get('method', model.type):
        raise InputError(
            f'{source} holds encoders of {description["method"]} and no classifier; train one with '
            'mmcmd train CONFIG --pretrained CHECKPOINT, or test with configs/benchmarks/knn.py'
        )
    _fit_layout(cfg, source, description['layout'])
    trained_on = (description.get('data') or {}).get('name')
    if cfg.get('transfer') and trained_on == cfg.data.name:
        raise InputError(
            f'{source} was trained on {trained_on}, and a transfer needs a different data set; add '
            '--data NAME'
        )
    cfg.pretrained_by = {'method': description.get('method'), 'data': trained_on}
    evaluated = description.get('evaluated', description['streams'])
    streams = {name: description['streams'][name] for name in evaluated}
    backbones = [dict(stream['backbone']) for stream in streams.values()]
    # The number of persons is that of the data, and not of the named encoder.
    kinds = [{k: x for k, x in backbone.items() if k != 'num_person'} for backbone in backbones]
    named = {key: x for key, x in model.backbone.items() if key != 'num_person'}
    if encoder is not None and named not in kinds:
        raise InputError(
            f'{source} holds encoders {backbones[0]}, not those of --encoder {encoder}; remove '
            '--encoder'
        )
    model.pop('backbone', None)
    if simple := _simple(streams):
        model.update(simple)
    else:
        model.modalities = ConfigDict(streams)
    adopt_pipelines(cfg, description)


def adopt_pipelines(cfg: Config, recipe: Mapping[str, Any]) -> None:
    """Copy the clip length and the pipelines of a pre-training to an evaluation.

    Args:
        cfg (Config): Config of the evaluation; it is changed in place.
        recipe (Mapping): The description in a checkpoint, or the config of the pre-training. Its
            entries ``clip_len``, ``finetune_pipeline`` and ``test_pipeline`` are used if they
            exist.
    """
    for name in RECIPE[1:]:
        if name in recipe:
            cfg[name] = deepcopy(recipe[name])
    if 'clip_len' in recipe:
        set_dataset(cfg, clip_len=cfg.clip_len)
    for name, loader in loaders(cfg).items():
        kind = 'finetune_pipeline' if name == 'train_dataloader' else 'test_pipeline'
        if kind in recipe:
            loader.dataset.pipeline = cfg[kind]


def change_encoders(cfg: Config) -> None:
    """Apply ``encoder_options`` of an evaluation config to all of its encoders.

    Args:
        cfg (Config): It is changed in place. ``encoder_options`` is a dict. Its entry ``backbone``
            holds options that are added to those of each backbone. Its entry ``pooling`` replaces
            the pooling of each encoder.

    Raises:
        InputError: If a backbone does not have an option.
    """
    options = cfg.get('encoder_options')
    if not options:
        return
    streams = cfg.model.get('modalities')
    for encoder in streams.values() if isinstance(streams, Mapping) else [cfg.model]:
        cls, added = MODELS.get(encoder.backbone.type), options.get('backbone', {})
        known = inspect.signature(cls).parameters if cls else added
        if unknown := [name for name in added if name not in known]:
            raise InputError(
                f'this evaluation sets the option {unknown[0]}, which the encoder '
                f'{encoder.backbone.type} does not have; choose another config, such as '
                'configs/benchmarks/finetune.py'
            )
        encoder.backbone.update(added)
        if 'pooling' in options:
            encoder.pooling = options.pooling


def _fit_layout(cfg: Config, source: str, trained_on: str | dict) -> None:
    """Map the joints of the data to those that the encoders were trained on, if they differ."""
    layout, data = get_layout(trained_on, files=False), cfg.data
    given = get_layout(data.get('map_to', data.layout))
    difference = given.difference(layout)
    if not difference:
        return
    reason = (
        f'{source} was trained on the joints of layout {layout.name!r}, but the data set '
        f'{data.name} has those of {given.name!r}, and they differ in {difference}'
    )
    if 'map_to' in data:
        raise InputError(f'{reason}; set map_to of the data set to {layout.name!r}')
    try:
        make_layout_map(given, layout, data.get('map_joints'))
    except InputError as error:
        raise InputError(f'{reason}; {error}') from None
    print_log(
        f'{reason}; the joints of the data are mapped (MapLayout)', 'current', logging.WARNING
    )
    data.map_to = trained_on
    map_joints(cfg)


def _simple(streams: Mapping[str, dict]) -> dict[str, Any] | None:
    """Return the short form of streams that differ only in the modality; None for other streams."""
    first = next(iter(streams.values()))
    shared = {key: value for key, value in first.items() if key != 'modality'}
    if any({'modality': name, **shared} != stream for name, stream in streams.items()):
        return None
    return {'modalities': list(streams), **shared}


def choose_streams(cfg: Config, description: dict) -> None:
    """Keep only those streams of a checkpoint that ``model.modalities=[NAME, ...]`` lists."""
    chosen, streams = (cfg.get('model') or {}).get('modalities'), description.get('streams', {})
    if streams and not _simple(streams) and isinstance(chosen, Sequence):
        if missing := [name for name in chosen if name not in streams]:
            raise InputError(
                f'the checkpoint has no stream {missing[0]!r}; it has {", ".join(streams)}'
            )
        kept = {name: streams[name] for name in chosen}
        cfg.model.update(_simple(kept) or {'modalities': ConfigDict(kept)})
