"""Compare a pre-training with raw coordinates: nearest neighbours and a linear classifier."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmcmd.apis.config import configs_root, load_config
from mmcmd.apis.pretrained import adopt_pipelines
from mmcmd.engine import ToolRunner
from mmcmd.engine.hooks.results_hook import PREDICTIONS
from mmcmd.io.encoders import persons_of
from mmcmd.io.evaluations import RESULTS, TEST_RESULTS
from mmcmd.io.files import replace_file

KNN, LINEAR = 'nearest neighbour', 'linear'
FEW = 100
"""With fewer sequences, differences of a few points say little."""


@dataclass(frozen=True)
class Evaluation:
    """Accuracies of a pre-training and of raw coordinates, in percent.

    Attributes:
        streams (Sequence[str]): Names of the columns.
        rows (Mapping[str, Mapping[str, float]]): Maps the name of a row to its values by stream.
        sequences (int, optional): Number of sequences that were classified.
    """

    streams: Sequence[str]
    rows: Mapping[str, Mapping[str, float]]
    sequences: int | None = None

    def best(self, name: str) -> float:
        """Return the best value of a row."""
        return max(self.rows[name].values())


def worth_it(evaluation: Evaluation) -> str:
    """Return sentences that compare the pre-training with raw coordinates.

    There is one for each protocol, and one if the validation has few sequences. With few
    sequences, there is no advice.
    """
    sentences, few = [], bool(evaluation.sequences and evaluation.sequences < FEW)
    for name in (KNN, LINEAR):
        ours, raw = evaluation.best(name), evaluation.best(f'raw coordinates, {name}')
        if ours > raw:
            verdict = f'{ours - raw:.1f} points above raw coordinates'
        else:
            apart = f'{raw - ours:.1f} points BELOW' if raw > ours else 'not better than'
            remedy = (
                ': the training was not worth it; give it more minutes, or look at the data (mmcmd '
                'convert inspect)'
            )
            verdict = f'{apart} raw coordinates{"" if few else remedy}'
        sentences.append(f'{name}: {ours:.1f} %, {verdict}')
    if few:
        sentences.append(
            f'only {evaluation.sequences} labelled sequences were classified, and one of them is '
            f'{100 / evaluation.sequences:.1f} points: the differences may be chance'
        )
    return '\n'.join(sentences)


def evaluate(
    cfg: Config,
    checkpoint: Path,
    data: str | None,
    ann_file: str | None = None,
    held_out: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Evaluate a pre-training and raw coordinates on the validation split.

    The runs are in ``linear``, ``raw_knn`` and ``raw_linear`` of the work dir. The table is
    written to ``evaluation.json`` there.

    Args:
        cfg (Config): Config of the pre-training, with its work dir. Its ``final_evaluation`` holds
            the ``epochs`` of the linear evaluation.
        checkpoint (Path): Its last checkpoint.
        data (str, optional): Data set of the pre-training (``--data``).
        ann_file (str, optional): Annotation pickle of the pre-training (``--ann-file``).
        held_out (Mapping, optional): Arguments ``select`` and ``without`` of :func:`load_config`
            for the pre-training. Without them, a pre-training with ``--select`` would be evaluated
            on the test split.
    """
    root, work_dir = configs_root() / 'benchmarks', Path(cfg.work_dir)
    common: dict[str, Any] = {'data': data, 'ann_file': ann_file, **(held_out or {})}
    epochs = cfg.final_evaluation.epochs
    steps = {'train_cfg.max_epochs': epochs, 'train_cfg.val_interval': epochs}
    ours = load_config(
        root / 'linear_whitened.py', pretrained=str(checkpoint), options=steps, **common
    )
    common |= {'encoder': 'raw'}
    # Raw coordinates get the forms that suit them best: standardised for the linear classifier, and
    # centred for nearest neighbours (whitened with a large ridge).
    centred = {'test_evaluator.whiten': 1000.0}
    raw_knn = load_config(root / 'knn.py', options=_raw_options(cfg) | centred, **common)
    steps |= _raw_options(cfg)
    raw_linear = load_config(root / 'linear_small.py', pretrained='random', options=steps, **common)
    for run in (raw_knn, raw_linear):
        adopt_pipelines(run, cfg)
    for run, name in ((ours, 'linear'), (raw_knn, 'raw_knn'), (raw_linear, 'raw_linear')):
        _run(run, cfg, work_dir / name)
    streams = list(cfg.model.modalities)
    rows = {
        KNN: _read(work_dir / RESULTS, 'knn', streams),
        LINEAR: _read(work_dir / 'linear' / RESULTS, 'acc', streams),
        f'raw coordinates, {KNN}': _read(work_dir / 'raw_knn' / TEST_RESULTS, 'knn', streams),
        f'raw coordinates, {LINEAR}': _read(work_dir / 'raw_linear' / RESULTS, 'acc', streams),
    }
    with replace_file(work_dir / 'evaluation.json') as file:
        file.write((json.dumps(rows, indent=2) + '\n').encode())
    names = [*streams, f'{len(streams)}s'] if len(streams) > 1 else streams
    with np.load(work_dir / PREDICTIONS) as predictions:
        return Evaluation(names, rows, len(predictions['labels']))


def _raw_options(cfg: Config) -> dict[str, Any]:
    """Return the options that give raw coordinates the clips and streams of a pre-training."""
    return {
        'data.num_person': persons_of(cfg.test_pipeline),
        'model.backbone.clip_len': cfg.clip_len,
        'model.backbone.in_channels': cfg.model.backbone.get('in_channels', 3),
        'model.modalities': list(cfg.model.modalities),
    }


def _run(evaluation: Config, cfg: Config, work_dir: Path) -> None:
    """Run an evaluation: train and validate, or only test if it has no training."""
    evaluation.work_dir = str(work_dir)
    evaluation.experiment_name = work_dir.name
    evaluation.launcher = cfg.get('launcher', 'none')
    evaluation.randomness = cfg.randomness
    evaluation.verbose = cfg.get('verbose', False)
    evaluation.terminal_label = work_dir.name
    runner = ToolRunner.from_cfg(evaluation)
    if evaluation.get('train_cfg'):
        runner.train()
    else:
        runner.test()


def _read(file: Path, prefix: str, streams: Sequence[str]) -> dict[str, float]:
    """Return the last accuracies in a results file by stream, in percent."""
    results = json.loads(file.read_text())
    first, values = streams[0], {}
    for stream in (*streams, f'{len(streams)}s'):
        for key in (f'{prefix}/{stream}_top1', *([f'{prefix}/top1'] * (stream == first))):
            if key in results:
                values[stream] = round(100 * results[key]['last'], 2)
    return values
