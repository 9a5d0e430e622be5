"""Hold out a part of the training data: the options ``--select`` and ``--without``."""

import re

from mmengine.config import Config, ConfigDict

from mmcmd.apis.loaders import loaders
from mmcmd.errors import InputError


def hold_out_fold(cfg: Config, fold: int) -> None:
    """Hold out a part of the training subjects, and validate on it.

    All loaders read the training split. Loaders for validation and test read the part that is held
    out. The others (training and galleries) read the rest. No loader reads the test split. See
    :func:`mmcmd.datasets.annotations.parts.choose_part`.

    Args:
        cfg (Config): It is changed in place.
        fold (int): Number of the part, from 0.

    Raises:
        InputError: If a split is not named like ``xsub_train`` and ``xsub_val``.
    """
    for loader in loaders(cfg).values():
        start, half = _split(loader.dataset)
        loader.dataset.split = f'{start}train'
        loader.dataset.hold_out = dict(fold=fold, keep=_PARTS[half])


def leave_out(cfg: Config, subject: str | int) -> None:
    """Train on all sequences of the file except those of one subject, and test on these.

    Args:
        cfg (Config): It is changed in place.
        subject (str | int): Value of the field ``subject`` of its samples.

    Raises:
        InputError: If a split is not named like ``xsub_train`` and ``xsub_val``.
    """
    for loader in loaders(cfg).values():
        _, half = _split(loader.dataset)
        loader.dataset.split = None
        loader.dataset.hold_out = dict(values=[subject], by='subject', keep=_PARTS[half])


_PARTS = {'train': 'rest', 'val': 'held_out', 'test': 'held_out'}


def _split(dataset: ConfigDict) -> tuple[str, str]:
    """Return the start of a split's name, and its end: ``train``, ``val`` or ``test``."""
    if dataset.get('hold_out'):
        raise InputError(
            'the config already holds out training data; remove --select and --without'
        )
    match = re.fullmatch('(.+_|)(train|val|test)', dataset.get('split') or '')
    if match is None:
        raise InputError(
            'to hold out training data, splits must have names such as xsub_train and '
            f'xsub_val, but the config has split={dataset.get("split")!r}'
        )
    return match[1], match[2]
