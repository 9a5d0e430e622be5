"""Find the results of a checkpoint, in the results files beside it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmcmd.errors import InputError, not_a_file

RESULTS, TEST_RESULTS = 'results.json', 'test_results.json'
Results = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Maps an evaluation to its metrics; a metric to ``last``, ``best`` and ``best_epoch``."""


def find_results(checkpoint: Path) -> dict[str, dict[str, Any]]:
    """Read the results that belong to a checkpoint.

    The tools write ``results.json`` of the training into the folder of the checkpoint, and results
    of evaluations into the folders ``CONFIG_DATA_CHECKPOINT`` beside it, or into ``linear``. The
    results of a training and those in ``linear`` belong to its last checkpoint, so they are left
    out for an earlier one.

    Args:
        checkpoint (Path): Checkpoint of a training.

    Returns:
        dict: See :data:`Results`.
    """
    folder, stem = checkpoint.parent, checkpoint.stem
    last = folder / 'last_checkpoint'
    is_last = last.is_file() and Path(last.read_text().strip()).name == checkpoint.name
    found = {}
    if is_last:
        found |= {'training': folder, 'linear': folder / 'linear'}
    evaluations = sorted(x for x in folder.glob(f'*_{stem}') if x.is_dir())
    found |= {x.name.removesuffix(f'_{stem}'): x for x in evaluations}
    results = {name: _read_folder(path) for name, path in found.items()}
    return {name: metrics for name, metrics in results.items() if metrics}


def read_results(files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Read results files that a user names.

    Args:
        files (Iterable[Path]): Results files, or folders that hold one.

    Returns:
        dict: See :data:`Results`; an evaluation has the name of its folder.

    Raises:
        InputError: If a file is missing or is not a results file.
    """
    results = {}
    for path in files:
        metrics = _read_folder(path) if path.is_dir() else _read_file(path)
        if not metrics:
            raise InputError(f'{path} holds no {RESULTS} or {TEST_RESULTS} with metrics')
        results[path.name if path.is_dir() else path.resolve().parent.name] = metrics
    return results


def _read_folder(folder: Path) -> dict[str, Any]:
    """Read the results of a training, or those of a test if there is no training."""
    for name in (RESULTS, TEST_RESULTS):
        if (folder / name).is_file():
            return _read_file(folder / name)
    return {}


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(not_a_file(path, 'results file'))
    try:
        results = json.loads(path.read_bytes())
        return {
            str(name): {key: entry[key] for key in ('last', 'best', 'best_epoch')}
            for name, entry in results.items()
            if all(isinstance(entry[key], (int, float)) for key in ('last', 'best'))
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        raise InputError(
            f'{path} is not a results file: expected metrics with last and best'
        ) from None
