"""Draw the picture of the README: motions and their nearest neighbours, as an animated GIF.

The queries are of the test split of Bandai-Namco-Research-Motiondataset-2 (CC BY-NC 4.0), one of
each chosen action, drawn at random. Their neighbours are of the training split, which has other
styles of moving. Each motion is stretched to the same number of frames, as the encoder does it.

    python docs/pictures/draw_neighbours.py data/bandai2.pkl CHECKPOINT --out neighbours.gif
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mmcmd.datasets.converters.bandai2 import CLASSES
from mmcmd.inference import MotionRetriever, PickleRecordings
from mmcmd.skeletons import get_layout
from mmcmd.visualization import make_panels

ACTIONS = ('walk-turn-left', 'wave-right-hand', 'raise-up-both-hands')
CREDIT = (
    'Motions: Bandai-Namco-Research-Motiondataset-2, © Bandai Namco Research Inc., CC BY-NC 4.0'
)
FRAMES, FPS, COLOURS = 45, 15, 32
SAME, OTHER = '#1a7f37', '#b3261e'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('data', type=Path, help='pickle of the data set')
    parser.add_argument('checkpoint', help='encoder that was trained on its training split')
    parser.add_argument('--out', type=Path, required=True, help='GIF to write')
    parser.add_argument('--seed', type=int, default=0, help='seed of the choice of the queries')
    parser.add_argument('-k', type=int, default=4, help='neighbours of each query')
    args = parser.parse_args()

    recordings = PickleRecordings(args.data)
    row_of = {recording.name: recording for recording in recordings}
    queries = choose(PickleRecordings(args.data, 'xstyle_val'), args.seed)
    retriever = MotionRetriever(args.checkpoint, args.data, split='xstyle_train')
    rows = []
    for query, found in zip(queries, retriever(queries, k=args.k), strict=True):
        row = [(query, 'query', 'black')]
        for number, neighbour in enumerate(found, start=1):
            colour = SAME if neighbour.label == query.label else OTHER
            label = f'{number}. {neighbour.similarity:.2f}'
            row.append((row_of[neighbour.name], label, colour))
        rows.append(row)
    write_gif(rows, args.out)
    same = sum(colour == SAME for row in rows for *_, colour in row[1:])
    print(f'{args.out}: {same} of {len(rows) * args.k} neighbours have the class of their query')


def choose(recordings, seed):
    """Return one recording of each action, drawn at random."""
    rng = np.random.default_rng(seed)
    labels = np.array([recording.label for recording in recordings])
    rows = [rng.choice(np.flatnonzero(labels == CLASSES.index(name))) for name in ACTIONS]
    return [recordings[int(row)] for row in rows]


def make_panel(recording):
    """Return a panel of a motion in place: hips above the origin, y up, FRAMES frames."""
    keypoint = recording.keypoint
    frames = np.linspace(0, keypoint.shape[1] - 1, FRAMES).round().astype(int)
    joints = keypoint[:1, frames].copy()
    joints[..., (0, 2)] -= joints[:, :, :1, (0, 2)]
    x, y, z = np.moveaxis(joints, -1, 0)
    joints = np.stack([x, -z, y], axis=-1)  # the drawing has z up
    panel = make_panels(joints, {'joint': joints}, get_layout('bandai2'))['joint']
    panel.limits = np.array([[-0.8, -0.15], [0.8, 1.8]])  # metres, equal for all bodies
    return panel


def write_gif(rows, out):
    """Draw all panels frame by frame, and write them with one palette."""
    columns = len(rows[0])
    figure = Figure(figsize=(1.55 * columns + 0.05, 1.95 * len(rows) + 0.3), dpi=100)
    canvas = FigureCanvasAgg(figure)
    height = 1.95 * len(rows) + 0.3
    figure.subplots_adjust(0.005, 0.27 / height, 0.995, 1 - 0.38 / height, 0.04, 0.22)
    figure.text(0.5, 0.06 / height, CREDIT, ha='center', va='bottom', fontsize=7, color='0.35')
    grid = figure.subplots(len(rows), columns, squeeze=False)
    cells = [cell for row in rows for cell in row]
    panels = [make_panel(recording) for recording, _, _ in cells]
    images = []
    for frame in range(FRAMES):
        for axes, panel, (recording, text, colour) in zip(grid.flat, panels, cells, strict=True):
            axes.clear()
            panel.draw(axes, frame)
            axes.spines[:].set(color=colour, linewidth=1.5)
            title = f'{CLASSES[recording.label]}\n{text}, {recording.fields["style_name"]}'
            axes.set_title(title, fontsize=8, color=colour, pad=3)
        canvas.draw()
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
    palette = images[0].quantize(COLOURS, dither=Image.Dither.NONE)
    frames = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    options = {'duration': round(1000 / FPS), 'loop': 0, 'optimize': True}
    frames[0].save(out, save_all=True, append_images=frames[1:], **options)


if __name__ == '__main__':
    main()
