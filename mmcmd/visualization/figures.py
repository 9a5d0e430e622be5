"""Figures of a run: training curves, t-SNE of features (Fig. 4), confusion matrix."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from mmcmd.visualization.logs import read_scalars


def draw_curves(
    runs: Mapping[str, Path], panels: Mapping[str, Sequence[str]], title: str, out: Path
) -> None:
    """Draw scalars over epochs, a panel a kind, a colour a run, a line style a scalar.

    Args:
        runs (Mapping[str, Path]): Label to work dir, or to one ``scalars.json``.
        panels (Mapping[str, Sequence[str]]): Label of the y axis to the scalars drawn there, at
            most four.
        title (str): Over the figure.
        out (Path): PNG to write.
    """
    rows = -(-len(panels) // 4)
    columns = -(-len(panels) // rows)
    figure = Figure(figsize=(5 * columns, 4 * rows), layout='constrained')
    figure.suptitle(title)
    grid = figure.subplots(rows, columns, squeeze=False).flat
    for axes in grid[len(panels) :]:
        axes.remove()
    for axes, (label, keys) in zip(grid, panels.items(), strict=False):
        for colour, (name, work_dir) in enumerate(runs.items()):
            for style, key in zip(('-', '--', ':', '-.'), keys, strict=False):
                epochs, values = read_scalars(work_dir, key)
                if len(epochs):
                    marker = 'o' if len(epochs) == 1 else None
                    line = {'color': f'C{colour}', 'marker': marker}
                    axes.plot(epochs, values, style, label=f'{name} {key}', **line)
        axes.set(xlabel='epoch', ylabel=label)
        if axes.lines:
            # Below the axes: curves may run through every corner.
            axes.legend(fontsize='small', loc='upper center', bbox_to_anchor=(0.5, -0.15), ncols=2)
        axes.grid(alpha=0.3)
    figure.savefig(out, dpi=120)


def draw_tsne(
    panels: Mapping[str, np.ndarray],
    labels: np.ndarray,
    class_names: Sequence[str],
    title: str,
    out: Path,
    seed: int = 0,
) -> None:
    """Draw features in two dimensions by t-SNE, coloured by class (the paper's Fig. 4).

    Args:
        panels (Mapping[str, np.ndarray]): Label to L2-normalised features (N, D).
        labels (np.ndarray): Classes (N,).
        class_names (Sequence[str]): Name of each class.
        title (str): Over the figure.
        out (Path): PNG to write.
        seed (int): Of t-SNE. Defaults to 0.
    """
    from sklearn.manifold import TSNE

    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5 * columns + 2.5, 4.5 * rows), layout='constrained')
    figure.suptitle(title)
    colours = matplotlib.colormaps['tab20'](np.arange(20))
    points = {}
    for axes, (label, features) in zip(
        figure.subplots(rows, columns, squeeze=False).flat, panels.items(), strict=False
    ):
        tsne = TSNE(init='pca', perplexity=min(30, len(features) / 4), random_state=seed)
        plane = tsne.fit_transform(features)
        for index in np.unique(labels):
            chosen = labels == index
            points[class_names[index]] = axes.scatter(
                *plane[chosen].T, s=6, color=colours[index % 20]
            )
        axes.set(title=label, xticks=[], yticks=[])
    figure.legend(
        points.values(), points.keys(), loc='outside right center', fontsize='small', markerscale=3
    )
    figure.savefig(out, dpi=120)


def draw_confusion(
    predictions: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    title: str,
    out: Path,
) -> None:
    """Draw a confusion matrix whose rows, the true classes, sum to 100 %.

    Args:
        predictions (np.ndarray): Classes (N,).
        labels (np.ndarray): True classes (N,).
        class_names (Sequence[str]): Name of each class.
        title (str): Over the figure.
        out (Path): PNG to write.
    """
    from sklearn.metrics import ConfusionMatrixDisplay

    size = max(5, 0.5 * len(class_names))
    figure = Figure(figsize=(size + 1.5, size), layout='constrained')
    axes = figure.subplots()
    ConfusionMatrixDisplay.from_predictions(
        labels,
        predictions,
        labels=range(len(class_names)),
        display_labels=class_names,
        normalize='true',
        values_format='.0%',
        xticks_rotation='vertical',
        cmap='Blues',
        colorbar=False,
        text_kw={'fontsize': 7},
        ax=axes,
    )
    axes.set_title(title)
    figure.savefig(out, dpi=120)
