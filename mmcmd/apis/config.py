"""Read configs with arguments: data set, encoder, budget, and the encoders of a checkpoint."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger

from mmcmd.apis.custom_code import import_custom_code
from mmcmd.apis.held_out import hold_out_fold, leave_out
from mmcmd.apis.loaders import map_joints, set_dataset
from mmcmd.apis.own_data import describe_pickle
from mmcmd.apis.persons import fit_persons
from mmcmd.apis.pretrained import adopt, change_encoders, choose_streams
from mmcmd.arguments import SMALL
from mmcmd.config_files import choices, configs_root, find_config, split_name
from mmcmd.errors import InputError, did_you_mean, not_a_file
from mmcmd.io.encoders import PERSONS, persons_of, read_description

EVALUATIONS = ('SkeletonClassifier', 'FeatureExtractor')
"""Types of models that evaluate the encoders of a checkpoint."""


def load_config(
    config: str | Path,
    data: str | None = None,
    encoder: str | None = None,
    budget: str | None = None,
    pretrained: str | None = None,
    checkpoint: str | None = None,
    ann_file: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    description: Mapping[str, Any] | None = None,
    select: int | None = None,
    without: str | None = None,
) -> Config:
    """Read a config file and apply the arguments to it.

    The modules in ``custom_imports`` of the config are imported. They may be in the folder of the
    config file, see :func:`mmcmd.apis.custom_code.import_custom_code`.

    Args:
        config (str | Path): The file, or the name of one of the package's configs, see
            :func:`mmcmd.config_files.find_config`. A name such as ``cmd_bigru_ntu60_xsub.py``
            gives encoder and data set.
        data (str, optional): Name of a file in ``configs/_base_/datasets``, path of your own file
            of this kind, or path of an annotation pickle (:func:`describe_pickle`).
        encoder (str, optional): Name of a file in ``configs/_base_/encoders``, or path of your own
            file of this kind.
        budget (str, optional): ``'paper'``; ``'small'`` for a CPU; or ``'own'``, which has the
            sizes of ``'small'`` with the published batch, optimiser and schedule. Defaults to
            ``'small'`` for small data sets, and to the entry ``budget`` of the config for others.
        pretrained (str, optional): Checkpoint whose encoders are evaluated. Encoder, joint layout,
            streams, clip length, number of persons and pipelines are read from it, and also the
            data set if none is named. ``'random'`` means encoders without training.
        checkpoint (str, optional): Checkpoint that is tested. If the config is an evaluation, the
            same entries are read from it.
        ann_file (str | Path, optional): Annotation pickle that replaces the one of the data set.
        options (Mapping, optional): Entries that override the config, with dotted names. They are
            applied last.
        description (Mapping, optional): Description of the encoders of ``pretrained``, if that
            checkpoint is not written yet (``encoder`` of :func:`mmcmd.io.encoders.describe`). By
            default it is read from the checkpoint.
        select (int, optional): Number of the part of the training subjects to validate on, from 0.
            The test split is then not used, see :func:`mmcmd.apis.held_out.hold_out_fold`.
        without (str, optional): Subject to test on. All other subjects are used for training, see
            :func:`mmcmd.apis.held_out.leave_out`.

    Raises:
        InputError: If the file or a name does not exist, or the checkpoint does not fit.
    """
    config = str(find_config(config))
    pretrained = pretrained or (options or {}).get('model.pretrained')
    source = pretrained if pretrained != 'random' else None
    source, description = source or checkpoint, dict(description or {})
    named_encoder, named_data = split_name(config)
    cfg = _read(config, data or named_data, encoder or named_encoder)
    default = cfg.get('default_encoder')
    if default and not (encoder or named_encoder or 'ENCODER' in os.environ):
        cfg = _read(config, data or named_data, default)
    for variable, value in (('DATA', data), ('ENCODER', encoder)):
        if value is not None and variable not in cfg.env_variables:
            raise InputError(
                f'{config} fixes its data set and encoder, so {value!r} cannot be used; use a '
                'config of the folder configs/'
            )
    evaluates = (cfg.get('model') or {}).get('type') in EVALUATIONS
    if pretrained:
        _check_pretrained(cfg, config, str(pretrained))
    if source and evaluates:
        description = description or read_description(str(source))
        trained_on = (description.get('data') or {}).get('name')
        if trained_on and data is None and named_data is None and 'DATA' not in os.environ:
            if trained_on not in choices('datasets', config):
                raise InputError(
                    f'{source} was trained on the data set {trained_on}, which is not in '
                    'configs/_base_/datasets; name a data set with --data FILE.py or FILE.pkl'
                )
            cfg = _read(config, trained_on, encoder)
    cfg = _fit_budget(cfg, budget)
    # These options define what the encoders get. All other options are applied at the end.
    first = 'data.map_', 'data.num_person'
    early = {key: value for key, value in (options or {}).items() if key.startswith(first)}
    if early:
        _merge(cfg, config, early)
        map_joints(cfg)
    persons = (cfg.get('data') or {}).get('num_person', PERSONS)
    if source and evaluates:
        adopt(cfg, str(source), description, encoder, tested=pretrained is None)
        persons = persons_of(cfg.get('test_pipeline') or ())
    fit_persons(cfg, persons)
    change_encoders(cfg)
    if pretrained:
        cfg.model.pretrained = str(pretrained)
    if ann_file is not None:
        set_dataset(cfg, ann_file=str(ann_file))
    if options:
        _merge(cfg, config, options)
        if 'clip_len' in options:
            set_dataset(cfg, clip_len=cfg.clip_len)
        if isinstance((cfg.get('model') or {}).get('modalities'), str):
            cfg.model.modalities = [cfg.model.modalities]
        choose_streams(cfg, description)
    if select is not None and without is not None:
        raise InputError('--select and --without hold out different subjects; use only one of them')
    if select is not None:
        hold_out_fold(cfg, select)
    if without is not None:
        leave_out(cfg, without)
    return cfg


def _merge(cfg: Config, config: str | Path, options: Mapping[str, Any]) -> None:
    """Merge ``--cfg-options`` into a config."""
    try:
        cfg.merge_from_dict(dict(options))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise InputError(f'--cfg-options do not fit {config}: {error}') from error


def _check_pretrained(cfg: Config, config: str | Path, pretrained: str) -> None:
    """Check that a config can be used with ``pretrained``.

    Raises:
        InputError: If it cannot.
    """
    model = cfg.get('model') or {}
    if model.get('type') not in EVALUATIONS:
        raise InputError(
            f'--pretrained is only for evaluations, and {config} is not an evaluation; to start a '
            'training from weights, add --cfg-options load_from=CHECKPOINT'
        )
    if model.type == 'FeatureExtractor':
        raise InputError(
            f'{config} trains nothing, so --pretrained cannot be used; run mmcmd test CONFIG '
            'CHECKPOINT'
        )
    if model.get('pretrained') == 'random' != pretrained:
        raise InputError(
            f'{config} trains from scratch, so --pretrained cannot be used; to start from a '
            'checkpoint, use configs/benchmarks/finetune.py'
        )


def _read(config: str | Path, data: str | None, encoder: str | None) -> Config:
    """Read a config file, with its environment variables set to the arguments."""
    # A config outside the repository inherits from '{{$MMCMD_CONFIGS:}}/_base_/...'.
    arguments = {'MMCMD_CONFIGS': str(configs_root(config))}
    arguments |= {
        variable: _argument(kind, value, config)
        for variable, kind, value in (('DATA', 'datasets', data), ('ENCODER', 'encoders', encoder))
        if value is not None
    }
    before = {variable: os.environ.get(variable) for variable in arguments}
    try:
        with _quiet(), _written(arguments, config) as written:
            os.environ.update(written)
            cfg = Config.fromfile(config, import_custom_modules=False)
    except InputError:  # the data set is a pickle that cannot be used
        raise
    except Exception as error:  # a config is Python code, which can raise any error
        reason = ' '.join(str(error).split())
        raise InputError(
            f'config {config} cannot be read: {type(error).__name__}: {reason}'
        ) from None
    finally:
        for variable, value in before.items():
            os.environ.pop(variable, None)
            if value is not None:
                os.environ[variable] = value
    if folders := import_custom_code(cfg, config):
        cfg.code_folder = folders  # for the copy of the config that a run saves in its work dir
    # mmengine formats a config with yapf each time it logs or saves it. `fromfile` takes no option.
    return Config(
        cfg.to_dict(), cfg.text, cfg.filename, cfg.env_variables, format_python_code=False
    )


@contextmanager
def _written(arguments: Mapping[str, str], config: str | Path) -> Iterator[dict[str, str]]:
    """Write a temporary data config for a pickle, while the config is being read."""
    if not arguments.get('DATA', '').endswith('.pkl'):
        yield dict(arguments)
        return
    with TemporaryDirectory() as folder:
        path = Path(folder, 'data.py')
        path.write_text(f'data = {describe_pickle(arguments["DATA"])!r}\n')
        yield {**arguments, 'DATA': _argument('datasets', str(path), config)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide mmengine's messages about the environment variables that it reads."""
    # `logging.disable` has no effect here: mmengine's loggers cache which levels are enabled.
    logger = MMLogger.get_current_instance()
    logger.addFilter(_is_no_variable)
    try:
        yield
    finally:
        logger.removeFilter(_is_no_variable)


def _is_no_variable(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith('Using env variable')


def _argument(kind: str, value: str, config: str | Path) -> str:
    """Return the text that stands for a name or a path in the list of base files."""
    known, folder = choices(kind, config), configs_root(config) / '_base_' / kind
    if value in known or (kind == 'datasets' and value.endswith('.pkl')):
        return value
    if value.endswith('.py') and Path(value).is_file():
        return os.path.relpath(Path(value).resolve().with_suffix(''), folder)
    noun, ends = {'datasets': ('data set', '.py or .pkl'), 'encoders': ('encoder', '.py')}[kind]
    if Path(value).is_dir() or value.endswith('.py'):
        raise InputError(
            not_a_file(value, f'{noun} file')
            + f'; give a {ends} file, or one of {", ".join(known)}'
        )
    raise InputError(
        f'there is no {noun} {value!r}{did_you_mean(value, known)}; give a {ends} file, or one of '
        f'{", ".join(known)}'
    )


def _fit_budget(cfg: Config, budget: str | None) -> Config:
    """Merge the entries of ``small`` into a config, if the budget is not that of the paper."""
    small = cfg.pop('small', None)
    if budget is None:
        budget = 'small' if (cfg.get('data') or {}).get('small') else cfg.get('budget', 'paper')
    if budget == 'own' and small:
        small = _sizes(small)
    if budget in SMALL and small:
        # An evaluation may have no training loader. Entries that are None stay None.
        cfg.merge_from_dict({k: v for k, v in small.items() if cfg.get(k, v) is not None})
        if 'clip_len' in cfg:
            set_dataset(cfg, clip_len=cfg.clip_len)
        cfg.budget = budget
    return cfg


def _sizes(small: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of ``small`` that do not belong to the recipe of a method.

    The momentum of the key encoders goes with the short queue of ``small``, and stays.
    """
    recipe = 'optim_wrapper', 'param_scheduler', 'train_cfg'
    sizes = {name: deepcopy(value) for name, value in small.items() if name not in recipe}
    sizes.get('train_dataloader', {}).pop('batch_size', None)
    model = sizes.get('model', {})
    for name in [name for name in model if name.endswith('_epoch')]:
        del model[name]
    return sizes
