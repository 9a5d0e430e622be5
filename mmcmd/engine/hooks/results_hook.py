import json
from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.io.evaluations import RESULTS, TEST_RESULTS
from mmcmd.io.files import replace_file
from mmcmd.registry import HOOKS

_KEY = 'results'
PREDICTIONS, TEST_PREDICTIONS = 'predictions.npz', 'test_predictions.npz'


@HOOKS.register_module()
class ResultsHook(Hook):
    """Report the last and the best value of every metric separately, and write them as JSON.

    A training writes ``results.json`` in its work dir. A test of a checkpoint writes
    ``test_results.json``, so that it never replaces what a training has recorded.

    The best value is chosen on the validation split. In this field that is usually the test split;
    the best value is then too optimistic. Both files map a metric to ``{"last", "best",
    "best_epoch"}``.

    Beside them, ``predictions.npz`` and ``test_predictions.npz`` hold the class that was predicted
    last for each sequence, in the order of the split: one array (N,) for each stream, and
    ``labels``. A comparison of two runs needs them (:mod:`mmcmd.reproduction.significance`).
    """

    def before_train(self, runner: Runner) -> None:
        """On a resume, add results that the checkpoint can lack: it is saved before validation."""
        path = Path(runner.work_dir) / RESULTS
        if not (runner._resume and path.is_file()):
            return
        results = dict(runner.message_hub.runtime_info.get(_KEY, {}))
        for name, entry in json.loads(path.read_text()).items():
            known = results.get(name, {'best': float('-inf')})['best']
            if (entry['best_epoch'] or 0) <= runner.epoch and entry['best'] > known:
                results[name] = entry
        runner.message_hub.update_info(_KEY, results)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Record the metrics of this epoch. They are kept after a resume."""
        results = dict(runner.message_hub.runtime_info.get(_KEY, {}))
        epoch = runner.epoch
        for name, value in (metrics or {}).items():
            value = float(value)
            best = results.get(name, {'best': float('-inf')})
            if value > best['best']:
                best = {'best': value, 'best_epoch': epoch}
            results[name] = {**best, 'last': value}
        runner.message_hub.update_info(_KEY, results)
        self._write(runner, results)
        self._write_predictions(runner, runner.val_loop.evaluator, PREDICTIONS)

    def after_train(self, runner: Runner) -> None:
        """Log the table."""
        results = runner.message_hub.runtime_info.get(_KEY, {})
        for name, entry in results.items():
            runner.logger.info(
                f'{name}: last {entry["last"]:.4f}, '
                f'best {entry["best"]:.4f} (epoch {entry["best_epoch"]})'
            )

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the metrics of a test run. It has one value: last and best are the same."""
        results = {
            name: {'last': float(value), 'best': float(value), 'best_epoch': None}
            for name, value in (metrics or {}).items()
        }
        self._write(runner, results, TEST_RESULTS)
        self._write_predictions(runner, runner.test_loop.evaluator, TEST_PREDICTIONS)

    @staticmethod
    def _write(runner: Runner, results: dict, name: str = RESULTS) -> None:
        if is_main_process():
            with replace_file(Path(runner.work_dir) / name) as file:
                file.write((json.dumps(results, indent=2) + '\n').encode())

    @staticmethod
    def _write_predictions(runner: Runner, evaluator: Evaluator, name: str) -> None:
        """Write the predictions of those metrics that keep them."""
        for metric in evaluator.metrics:
            predictions = getattr(metric, 'predictions', None)
            if predictions and is_main_process():
                arrays = {stream: x.numpy().astype(np.int16) for stream, x in predictions.items()}
                with replace_file(Path(runner.work_dir) / name) as file:
                    np.savez_compressed(file, **arrays)
