"""The saved files of figures, and the texts in the saved figures, are checked."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mmcmd.visualization import draw_confusion, draw_curves, draw_tsne


@pytest.fixture
def figures(monkeypatch):
    """Return a list of the figures that are saved."""
    saved, save = [], Figure.savefig

    def savefig(figure, *args, **kwargs):
        saved.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, 'savefig', savefig)
    return saved


def check_picture(path, least=400, most=3000):
    with Image.open(path) as image:
        assert image.format == 'PNG'
        assert all(least <= side <= most for side in image.size), image.size
        pixels = np.asarray(image.convert('L'))
    assert pixels.std() > 1, 'the picture is empty'


def test_curves_have_a_line_for_each_run_and_scalar_that_was_logged(pretrained, tmp_path, figures):
    panels = {'loss': ['loss_joint', 'loss_bone'], 'accuracy': ['knn/top1'], 'none': ['nothing']}
    out = tmp_path / 'curves.png'
    draw_curves({'CMD': pretrained, 'not run': tmp_path}, panels, 'title', out)
    check_picture(out)
    lines = [[line.get_label() for line in axes.lines] for axes in figures[0].axes]
    assert lines == [['CMD loss_joint', 'CMD loss_bone'], ['CMD knn/top1'], []]


def test_many_panels_are_laid_out_in_rows(pretrained, tmp_path, figures):
    panels = {name: [name] for name in ('loss_joint', 'loss_bone', 'lr', 'loss', 'knn/top1')}
    draw_curves({'CMD': pretrained}, panels, 'title', tmp_path / 'curves.png')
    check_picture(tmp_path / 'curves.png')
    assert [axes.get_ylabel() for axes in figures[0].axes] == list(panels)
    assert {axes.get_gridspec().get_geometry() for axes in figures[0].axes} == {(2, 3)}


@pytest.mark.parametrize('count', [1, 3])
def test_tsne_has_a_panel_for_each_kind_of_feature(count, tmp_path, figures):
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 3
    panels = {f'kind {n}': rng.normal(size=(24, 5)).astype(np.float32) for n in range(count)}
    draw_tsne(panels, labels, ['wave', 'sit', 'jump', 'never'], 'title', tmp_path / 'tsne.png')
    check_picture(tmp_path / 'tsne.png')
    assert [axes.get_title() for axes in figures[0].axes if axes.collections] == list(panels)
    assert [text.get_text() for text in figures[0].legends[0].texts] == ['wave', 'sit', 'jump']
    drawn = sum(len(points.get_offsets()) for points in figures[0].axes[0].collections)
    assert drawn == 24


def test_rows_of_the_confusion_matrix_are_the_true_classes_and_sum_to_100_percent(
    tmp_path, figures
):
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
    predictions = np.array([0, 0, 0, 0, 2, 1, 1, 1, 0, 2, 1])
    names = ['wave', 'sit', 'jump', 'absent']
    draw_confusion(predictions, labels, names, 'title', tmp_path / 'confusion.png')
    check_picture(tmp_path / 'confusion.png')
    (axes,) = figures[0].axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    shares = [[int(cells[column, row].rstrip('%')) for column in range(4)] for row in range(4)]
    assert shares[:3] == [[80, 0, 20, 0], [25, 75, 0, 0], [0, 50, 50, 0]]
    assert shares[3] == [0, 0, 0, 0], 'a class without samples'
    assert axes.get_ylabel() == 'True label'
    assert [text.get_text() for text in axes.get_yticklabels()] == names


def test_legend_of_curves_covers_no_curve(pretrained, tmp_path, figures):
    losses = [f'loss_{name}' for name in ('joint', 'motion', 'bone')]
    runs = {'MoCo': pretrained, 'CMD': pretrained}
    draw_curves(runs, {'loss': losses}, 'title', tmp_path / 'curves.png')
    figures[0].canvas.draw()
    (axes,) = figures[0].axes
    legend = axes.get_legend().get_window_extent()
    assert not legend.overlaps(axes.get_window_extent())
    picture = figures[0].bbox.padded(1)
    assert picture.contains(legend.x0, legend.y0), 'the legend is cut off'
    assert picture.contains(legend.x1, legend.y1), 'the legend is cut off'
