"""Draw motions beside their nearest motions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmcmd.inference import PickleRecordings, Recording
from mmcmd.quickstart.neighbours import Found
from mmcmd.serving.display import frames_to_draw
from mmcmd.visualization import make_panels, write_animation

RANKS = 'nearest', 'second', 'third'
FRAMES = 20


def draw_neighbours(
    found: Sequence[Found], motions: PickleRecordings, title: str, out: Path
) -> None:
    """Write an animated GIF: a row for each motion, which is in the first column.

    Args:
        found (Sequence[Found]): What was found for these motions, three neighbours each.
        motions (PickleRecordings): All motions. They name their classes and their layout.
        title (str): Text over the picture.
        out (Path): GIF to write.
    """
    columns = [[one.row for one in found]]
    columns += [[one.neighbours[rank].row for one in found] for rank in range(len(RANKS))]
    panels = []
    for column in columns:
        drawn = {}
        for line, row in enumerate(column, start=1):
            points = _points(motions[row])
            # The number keeps two rows with the same class apart.
            label = f'{motions.classes[motions.labels[row]]} ({line})'
            drawn[label] = make_panels(points, {'joint': points}, motions.layout)['joint']
        panels.append(drawn)
    write_animation(panels, title, out, most=FRAMES, views=['motion', *RANKS])


def _points(motion: Recording) -> np.ndarray:
    """Return evenly spaced frames with the z axis up, shape (M, FRAMES, V, 3)."""
    points = frames_to_draw(motion.keypoint, motion.layout, motion.normalized)
    times = np.linspace(0, motion.num_frames - 1, FRAMES).round().astype(int)
    seen = ~np.isnan(points).all(axis=(2, 3))
    points[seen.mean(axis=1) < 0.5] = 0  # a person who is 0 everywhere is not drawn
    x, y, z = np.moveaxis(np.nan_to_num(points[:, times]), -1, 0)
    return np.stack([-x, z, y], axis=-1)
