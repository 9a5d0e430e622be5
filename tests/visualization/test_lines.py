"""The saved files of line figures, and the lines in the figures, are checked."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mmcmd.visualization import Line, draw_lines


@pytest.fixture
def figure(monkeypatch, tmp_path):
    """Return the figure of three lines, and its file."""
    saved, save = [], Figure.savefig

    def savefig(figure, *args, **kwargs):
        saved.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, 'savefig', savefig)
    out = tmp_path / 'lines.png'
    lines = {
        'low': Line([0, 1, 3], [10, 20, 30], [1, 2, 3]),
        'raw': Line([0.0], [45], [0.0], dashed=True),
        'high': Line([0, 3], [50, 60], [0, 0]),
    }
    draw_lines(lines, 'labels', 'top-1', 'title', out, {0: '1', 1: '5', 3: 'all'})
    return saved[0], out


def test_every_line_and_spread_is_drawn(figure):
    (axes,) = figure[0].axes
    drawn = {box.get_label(): box for box in axes.containers}
    assert set(drawn) == {'low', 'high'}
    assert drawn['low'].lines[0].get_xydata().tolist() == [[0, 10], [1, 20], [3, 30]]
    segments = [x.tolist() for x in drawn['low'].lines[2][0].get_segments()]
    assert segments == [[[0, 9], [0, 11]], [[1, 18], [1, 22]], [[3, 27], [3, 33]]]
    (level,) = (line for line in axes.lines if line.get_label() == 'raw')
    assert (level.get_linestyle(), set(level.get_ydata())) == ('--', {45})
    assert [x.get_text() for x in axes.get_xticklabels()] == ['1', '5', 'all']


def test_legend_has_the_highest_first(figure):
    (legend,) = figure[0].legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ['high (60.0)', 'raw (45.0)', 'low (30.0)']


def test_picture_is_written(figure):
    with Image.open(figure[1]) as image:
        assert image.format == 'PNG'
        assert np.asarray(image.convert('L')).std() > 1
