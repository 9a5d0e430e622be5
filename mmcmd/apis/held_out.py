"""Options of the tools that hold out a part of the training."""

import re

from mmengine.config import Config, ConfigDict

from mmcmd.apis.loaders import loaders
from mmcmd.errors import InputError


def hold_out_fold(cfg: Config, fold: int) -> None:
    """Validate inside the training split: hold out a part of its subjects.

    All loaders read the training split. Those that validate or test read the part that is held out,
    the others (training and galleries) read the rest. No loader reads the test split. See
    :func:`mmcmd.datasets.annotations.parts.choose_part`.

    Args:
        cfg (Config): It is changed in place.
        fold (int): Which part, from 0.

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
        subject (str | int): As the field ``subject`` of the samples holds it.

    Raises:
        InputError: If a split is not named like ``xsub_train`` and ``xsub_val``.
    """
    for loader in loaders(cfg).values():
        _, half = _split(loader.dataset)
        loader.dataset.split = None
        loader.dataset.hold_out = dict(values=[subject], by='subject', keep=_PARTS[half])


_PARTS = {'train': 'rest', 'val': 'held_out', 'test': 'held_out'}


def _split(dataset: ConfigDict) -> tuple[str, str]:
    """Return the start of the name of a split, and which half it is."""
    if dataset.get('hold_out'):
        raise InputError(
            'the config holds out a part of the training already; leave --select and --without out'
        )
    match = re.fullmatch('(.+_|)(train|val|test)', dataset.get('split') or '')
    if match is None:
        raise InputError(
            'to hold out a part of the training, splits must have names such as xsub_train and '
            f'xsub_val, but the config says split={dataset.get("split")!r}'
        )
    return match[1], match[2]
