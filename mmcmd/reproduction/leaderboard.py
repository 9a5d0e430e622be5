"""Figures of the leaderboard: accuracy over labels per class, and over minutes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.reproduction.paper import UNTRAINED, Table
from mmcmd.reproduction.papers import get_method
from mmcmd.reproduction.papers.leaderboard import ALL_LABELS, label_column
from mmcmd.reproduction.protocols import KNN, LABELS
from mmcmd.reproduction.report import Records
from mmcmd.reproduction.run import Run
from mmcmd.reproduction.runs import Reproduction
from mmcmd.reproduction.winners import mean
from mmcmd.visualization import Line, draw_lines, read_log, read_scalars, training_minutes

CURVE = 'knn/3s_top1'
"""Name of the accuracy that a pre-training logs at each validation."""


def draw_labels(table: Table, records: Records, data: str, out: Path) -> bool:
    """Draw the accuracy of three streams over the number of labels per class.

    Args:
        table (Table): Table that has columns with few labels.
        records (Records): The numbers of the table.
        data (str): Data set and split.
        out (Path): Path of the PNG file to write.

    Returns:
        bool: False if no number with few labels was run. Then nothing is drawn.
    """
    ticks = {position: str(labels) for position, labels in enumerate(LABELS)}
    ticks[len(LABELS)] = 'all'
    lines = {}
    for label, row in records.items():
        found = {}
        for position, record in _over_labels(dict(zip(table.columns, row, strict=True))).items():
            if (value := mean(record)) is not None:
                values = [run['last'] for run in record['runs']]
                found[position] = value, np.std(values, ddof=1) if len(values) > 1 else 0.0
        if len(found) > 1:
            points = sorted(found)
            means, spreads = zip(*(found[x] for x in points), strict=True)
            lines[label] = Line(points, means, spreads, label in table.baselines)
    if lines:
        title = f'Accuracy over labels, three streams, {data}'
        draw_lines(lines, 'labels of each class', 'top-1, %', title, out, ticks)
    return bool(lines)


def _over_labels(row: Mapping[str, Any]) -> dict[int, Any]:
    """Return the records of a row by their position on the axis of labels.

    The last position is that of all labels. There, a row without a classifier has the number of
    nearest neighbours.
    """
    found = {place: row[label_column(labels)] for place, labels in enumerate(LABELS)}
    found[len(LABELS)] = row[ALL_LABELS] or row[f'{KNN}, 3s']
    return found


def draw_minutes(reproduction: Reproduction, table: Table, records: Records, out: Path) -> bool:
    """Draw the nearest-neighbour accuracy of three streams over the minutes of pre-training.

    Rows without pre-training are drawn as dashed lines at their final accuracy.

    Args:
        reproduction (Reproduction): A reproduction. Its finished pre-trainings are drawn.
        table (Table): Table that has KNN with three streams.
        records (Records): The numbers of the table.
        out (Path): Path of the PNG file to write.

    Returns:
        bool: False if no pre-training is finished. Then nothing is drawn.
    """
    index = table.columns.index(f'{KNN}, 3s')
    lines = {}
    for label, row in table.rows.items():
        cell = row[index]
        if cell is None:
            continue
        if cell.protocol != KNN or get_method(cell.method).config == UNTRAINED:
            if (value := mean(records[label][index])) is not None:
                lines[label] = Line([0.0], [value], [0.0], dashed=True)
            continue
        runs = [reproduction.chain(cell, seed)[-1] for seed in reproduction.seeds]
        curves = [learning_curve(run) for run in runs if run.stage.finished]
        if curves:
            minutes, values = (np.array(x) for x in zip(*curves, strict=True))
            spread = values.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(values.shape[1])
            lines[label] = Line(minutes.mean(axis=0), values.mean(axis=0), spread)
    trained = any(not line.dashed for line in lines.values())
    if trained:
        title = f'Accuracy over minutes of pre-training, three streams, {reproduction.data}'
        draw_lines(lines, 'minutes, validations not counted', 'KNN top-1, %', title, out)
    return trained


def learning_curve(run: Run) -> tuple[list[float], list[float]]:
    """Return the training minutes and the accuracy, in percent, at each validation of a run."""
    minutes = training_minutes(read_log(run.stage.work_dir))
    epochs, values = read_scalars(run.stage.work_dir, CURVE)
    return [minutes[epoch] for epoch in epochs], [100 * value for value in values]
