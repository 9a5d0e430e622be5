"""The scalars that mmengine logs: JSON lines in ``WORK_DIR/TIMESTAMP/vis_data/scalars.json``."""

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.errors import InputError

Record = dict[str, Any]


def _epoch(record: Record) -> int:
    """Return the epoch; records of training say it, those of validation call it their step."""
    return record.get('epoch', record['step'])


def _read_file(path: Path) -> list[Record]:
    lines = path.read_text(errors='replace').splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            _epoch(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            if number == len(lines):  # torn: the run was killed, or is writing it now
                break
            raise InputError(f'{path}, line {number}, is no record of a training log') from None
        records.append(record)
    return records


def read_log(path: str | PathLike) -> list[Record]:
    """Read the log of a run, in order.

    A run that was resumed has one file for each start. From its first epoch on, a later file takes
    the place of those before it.

    Args:
        path (str | PathLike): Work dir, or one ``scalars.json``.

    Returns:
        list[dict]: Records; empty where nothing was logged yet.

    Raises:
        InputError: If there is no such file or folder, or a line other than the last, which may
            be torn, is no record.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f'log {path} does not exist; give a work dir or its scalars.json')
    files = [path] if path.is_file() else sorted(path.glob('*/vis_data/scalars.json'))
    records: list[Record] = []
    for later in map(_read_file, files):
        start = min(map(_epoch, later), default=float('inf'))
        records = [record for record in records if _epoch(record) < start] + later
    return records


def scalar_names(records: list[Record]) -> list[str]:
    """List the scalars in a log, in the order of their first appearance."""
    names = dict.fromkeys(name for record in records for name in record)
    return [name for name in names if name not in ('epoch', 'iter', 'step')]


def read_scalars(path: str | PathLike, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Read what mmengine logged of one scalar.

    Args:
        path (str | PathLike): Of :func:`read_log`.
        key (str): Such as ``loss_joint`` or ``knn/top1``.

    Returns:
        tuple[np.ndarray, np.ndarray]: Epochs and values; where several iterations of an epoch
        were logged, their mean.
    """
    values: dict[int, list[float]] = {}
    for record in read_log(path):
        if key in record:
            values.setdefault(_epoch(record), []).append(record[key])
    epochs = sorted(values)
    return np.array(epochs), np.array([np.mean(values[epoch]) for epoch in epochs])


def training_speed(records: list[Record]) -> dict[str, float]:
    """Average what the log says of speed, over its records of training.

    Args:
        records (list[dict]): Of :func:`read_log`.

    Returns:
        dict[str, float]: Those there are of ``time`` and ``data_time``, seconds an iteration, and
        ``samples_per_s``, sequences a second.
    """
    training = [record for record in records if 'iter' in record]
    found = {
        name: [record[name] for record in training if name in record]
        for name in ('time', 'data_time', 'samples_per_s')
    }
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def training_minutes(records: list[Record]) -> dict[int, float]:
    """Sum the time of the iterations, without validations and the start of a run.

    Args:
        records (list[dict]): Of :func:`read_log`.

    Returns:
        dict[int, float]: Epoch, as in the log, to the minutes from the first iteration to its end.
    """
    minutes, last, total = {}, 0, 0.0
    for record in records:
        if 'iter' in record and 'time' in record:
            # A record gives the mean time of the iterations since the one before, nearly.
            total += max(0, record['iter'] - last) * record['time'] / 60
            last = record['iter']
            minutes[record['epoch']] = total
    return minutes
