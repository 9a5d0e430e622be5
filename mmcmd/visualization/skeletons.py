"""Skeleton sequences as pictures: what an encoder is given, view by view and modality by modality.

Coordinates are drawn as sticks, vectors (motion, bone) as arrows on them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mmcmd.io.files import replace_file
from mmcmd.skeletons import Layout

PERSONS = ('#1f5fa8', '#c2571a')
_AZIMUTH, _ELEVATION = np.deg2rad((25, 12))


def project(joints: np.ndarray) -> np.ndarray:
    """Look at points from slightly beside and above: (..., C) to (..., 2).

    Points in space have z up and x along the shoulders; those in an image (C = 2) have y down.
    """
    if joints.shape[-1] == 2:
        return joints * (1, -1)
    x, y, z = np.moveaxis(joints, -1, 0)
    right = x * np.cos(_AZIMUTH) + y * np.sin(_AZIMUTH)
    depth = y * np.cos(_AZIMUTH) - x * np.sin(_AZIMUTH)
    return np.stack([right, z * np.cos(_ELEVATION) + depth * np.sin(_ELEVATION)], axis=-1)


@dataclass
class Panel:
    """One view as one modality, ready to be drawn frame by frame.

    Attributes:
        points (np.ndarray): Joints in the plane, (M, T, V, 2).
        arrows (np.ndarray, optional): From ``tails`` on, in the plane, (M, T, V, 2); None for
            joint coordinates.
        tails (np.ndarray): Joint at which each joint's arrow begins, (V,).
        parents (np.ndarray): Parent of each joint, (V,).
        limits (np.ndarray): Corners of the axes, (2, 2).
        scale (float): How much longer than in truth the arrows are.
    """

    points: np.ndarray
    arrows: np.ndarray | None
    tails: np.ndarray
    parents: np.ndarray
    limits: np.ndarray
    scale: float = 1.0

    def draw(self, axes: Axes, frame: int) -> None:
        """Draw one frame; persons who are nowhere but in the origin are left out."""
        axes.set(xlim=self.limits[:, 0], ylim=self.limits[:, 1], aspect='equal')
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color('0.8')
        for person, points in enumerate(self.points):
            if not points.any():
                continue
            points, colour = points[frame], PERSONS[person % len(PERSONS)]
            bones = np.stack([points[self.parents], points], axis=1)
            if self.arrows is None:
                axes.add_collection(LineCollection(bones, linewidths=2, colors=colour))
                axes.plot(*points.T, 'o', color=colour, markersize=3)
                continue
            axes.add_collection(LineCollection(bones, linewidths=0.8, colors='0.8', zorder=1))
            arrows = self.arrows[person, frame]
            seen = np.linalg.norm(arrows, axis=-1) > 0.01 * np.ptp(self.limits[:, 0])
            axes.quiver(
                *(*points[self.tails][seen].T, *arrows[seen].T),
                **{'angles': 'xy', 'scale_units': 'xy', 'scale': 1, 'color': colour, 'zorder': 2},
                **{'width': 0.009, 'headwidth': 3.5, 'headlength': 4, 'minlength': 0.1},
            )


def _longest_seen(arrows: np.ndarray) -> float:
    """Return a length that few arrows exceed, 0 where there are none."""
    lengths = np.linalg.norm(arrows, axis=-1)
    return float(np.quantile(lengths[lengths > 0], 0.95)) if lengths.any() else 0.0


def make_panels(
    joints: np.ndarray, modalities: Mapping[str, np.ndarray], layout: Layout
) -> dict[str, Panel]:
    """Prepare all modalities of one view.

    Args:
        joints (np.ndarray): Coordinates of the view, (M, T, V, C), which vectors are drawn on.
        modalities (Mapping[str, np.ndarray]): Name to what the encoder is given, (M, T, V, C).
        layout (Layout): Whose parents are joined.

    Returns:
        dict[str, Panel]: By label, which says how much motion is enlarged.
    """
    points, parents = project(joints), np.array(layout.parents)
    present = points[[person.any() for person in points]].reshape(-1, 2)
    low, high = present.min(axis=0, initial=0), present.max(axis=0, initial=0)
    centre, half = (low + high) / 2, 0.55 * float(max(*(high - low), 1e-6))
    limits = np.stack([centre - half, centre + half])
    panels = {}
    for name, values in modalities.items():
        if np.array_equal(values, joints):
            panels[name] = Panel(points, None, parents, parents, limits)
            continue
        arrows, bones = project(values), np.allclose(values, joints - joints[:, :, parents])
        tails = parents if bones else np.arange(len(parents))
        longest = _longest_seen(arrows)
        # Displacements of a frame are too short to be seen; bones have the length they have.
        scale = 1.0 if bones or not longest else float(np.ceil(max(1.0, 0.45 * half / longest)))
        label = name if scale == 1 else f'{name} (x {scale:.0f})'
        panels[label] = Panel(points, arrows * scale, tails, parents, limits, scale)
    return panels


def _frames(panels: Sequence[Mapping[str, Panel]], most: int) -> np.ndarray:
    length = next(iter(panels[0].values())).points.shape[1]
    return np.linspace(0, length - 1, min(most, length)).round().astype(int)


def _names(panels: Sequence[Mapping[str, Panel]], views: Sequence[str] | None) -> Sequence[str]:
    return views or [f'view {number}' for number in range(1, len(panels) + 1)]


def draw_frames(
    panels: Sequence[Mapping[str, Panel]],
    title: str,
    out: Path,
    most: int = 8,
    views: Sequence[str] | None = None,
) -> None:
    """Draw a contact sheet: a row for each view and modality, time from left to right.

    Args:
        panels (Sequence[Mapping[str, Panel]]): Of each view.
        title (str): Over the figure.
        out (Path): PNG to write.
        most (int): Frames at most, evenly spaced. Defaults to 8.
        views (Sequence[str], optional): Name of each view. Defaults to ``view 1`` and so on.
    """
    frames = _frames(panels, most)
    rows = [
        (f'{view}\n{label}', panel)
        for view, of_view in zip(_names(panels, views), panels, strict=True)
        for label, panel in of_view.items()
    ]
    width, height = 1.7 * len(frames) + 0.6, 1.7 * len(rows) + 0.6
    figure = Figure(figsize=(max(width, 5), height))
    figure.suptitle(title, y=1 - 0.1 / height, va='top')
    figure.subplots_adjust(
        0.55 / width, 0.05 / height, 1 - 0.05 / width, 1 - 0.55 / height, 0.05, 0.05
    )
    grid = figure.subplots(len(rows), len(frames), squeeze=False)
    for axes, frame in zip(grid[0], frames, strict=True):
        axes.set_title(f'frame {frame}', fontsize='small')
    for line, (label, panel) in zip(grid, rows, strict=True):
        line[0].set_ylabel(label)
        for axes, frame in zip(line, frames, strict=True):
            panel.draw(axes, frame)
    with replace_file(out) as file:
        figure.savefig(file, format='png', dpi=100)


def write_animation(
    panels: Sequence[Mapping[str, Panel]],
    title: str,
    out: Path,
    most: int = 32,
    fps: int = 8,
    views: Sequence[str] | None = None,
) -> None:
    """Write an animated GIF: a column for each view, a row for each modality.

    Args:
        panels (Sequence[Mapping[str, Panel]]): Of each view.
        title (str): Over the figure.
        out (Path): GIF to write.
        most (int): Frames at most, evenly spaced. Defaults to 32.
        fps (int): Frames a second. Defaults to 8.
        views (Sequence[str], optional): Name of each view. Defaults to ``view 1`` and so on.
    """
    names = _names(panels, views)
    rows, columns = len(panels[0]), len(panels)
    figure = Figure(figsize=(max(3.0 * columns, 5), 3.0 * rows + 0.6))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(0.02, 0.01, 0.98, 1 - 0.65 / (3 * rows + 0.6), 0.04, 0.1)
    grid = figure.subplots(rows, columns, squeeze=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f'.{out.stem}.part.gif')
    writer = PillowWriter(fps=fps)
    try:
        with writer.saving(figure, temporary, dpi=80):
            for frame in _frames(panels, most):
                figure.suptitle(f'{title}, frame {frame}', fontsize='medium', y=0.985)
                for column, of_view in enumerate(panels):
                    for axes, (label, panel) in zip(grid[:, column], of_view.items(), strict=True):
                        axes.clear()
                        panel.draw(axes, frame)
                        axes.set_title(f'{names[column]}: {label}', fontsize='small')
                writer.grab_frame()
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
