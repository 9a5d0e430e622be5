"""Pictures of sequences: the drawn points, their places, and the files."""

import os

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver
from PIL import Image

from mmcmd.models.modalities import build_modality
from mmcmd.skeletons import get_layout
from mmcmd.visualization import draw_frames, make_panels, write_animation
from mmcmd.visualization.skeletons import project

NTU = get_layout('ntu')
NAMES = 'joint', 'motion', 'bone'


@pytest.fixture
def panels():
    """Return panels of a view with a person who moves one joint by 1 cm, and an empty person."""
    joints = np.zeros((2, 5, 25, 3), np.float32)
    joints[0] = np.random.default_rng(0).normal(size=(25, 3))
    joints[0, :, 7, 2] += 0.01 * np.arange(5)
    seen = {name: build_modality(name, 'ntu')(torch.from_numpy(joints)).numpy() for name in NAMES}
    return make_panels(joints, seen, NTU)


def drawn(panel, frame=0):
    axes = Figure().subplots()
    panel.draw(axes, frame)
    kinds = LineCollection, Quiver
    return axes, [[x for x in axes.collections if isinstance(x, kind)] for kind in kinds]


def test_points_above_are_drawn_above_and_those_along_the_shoulders_beside():
    centre, above, beside = project(np.array([[0.0, 0, 0], [0, 0, 1], [1, 0, 0]]))
    assert above[0] == pytest.approx(centre[0])
    assert above[1] > 0.9
    assert beside[0] > 0.9
    assert project(np.array([3.0, 2.0])).tolist() == [3, -2], 'y of an image points down'


def test_joints_are_sticks_to_their_parents_of_the_person_who_is_there(panels):
    axes, (sticks, arrows) = drawn(panels['joint'])
    assert len(sticks) == 1
    assert not arrows
    ends = np.array(sticks[0].get_segments())
    points = panels['joint'].points[0, 0]
    np.testing.assert_allclose(ends[:, 1], points)
    np.testing.assert_allclose(ends[:, 0], points[list(NTU.parents)])
    assert axes.get_aspect() == 1


def test_bones_are_arrows_from_parents_to_joints(panels):
    panel = panels['bone']
    assert panel.scale == 1
    heads = panel.points[0, 0][panel.tails] + panel.arrows[0, 0]
    np.testing.assert_allclose(heads, panel.points[0, 0], atol=1e-6)
    assert len(drawn(panel)[1][1]) == 1


def test_motion_is_enlarged_and_its_label_says_so(panels):
    (label,) = (name for name in panels if name.startswith('motion'))
    panel = panels[label]
    assert panel.scale > 1
    assert label == f'motion (x {panel.scale:.0f})'
    moved = panel.points[0, 1] - panel.points[0, 0]
    np.testing.assert_allclose(panel.arrows[0, 0], panel.scale * moved, atol=1e-5)
    (arrows,) = drawn(panel)[1][1]
    assert arrows.N == 1, 'joints at rest have no arrow'


def test_files(panels, tmp_path):
    views = [panels, panels]
    draw_frames(views, 'title', tmp_path / 'new' / 'a.png', most=3)
    write_animation(views, 'title', tmp_path / 'new' / 'a.gif', most=4)
    assert sorted(os.listdir(tmp_path / 'new')) == ['a.gif', 'a.png']
    with Image.open(tmp_path / 'new' / 'a.png') as image:
        assert image.format == 'PNG'
        assert np.asarray(image.convert('L')).std() > 5, 'the picture is empty'
    with Image.open(tmp_path / 'new' / 'a.gif') as image:
        assert image.n_frames == 4
        frames = []
        for index in (0, 3):
            image.seek(index)
            frames.append(np.asarray(image.convert('L')))
    assert (frames[0] != frames[1]).any(), 'nothing moves'


def test_images_and_nobody_at_all(tmp_path):
    layout, rng = get_layout('coco'), np.random.default_rng(0)
    for joints in (rng.normal(size=(1, 3, 17, 2)), np.zeros((1, 3, 17, 2))):
        panels = make_panels(joints, {'joint': joints}, layout)
        draw_frames([panels], 'title', tmp_path / 'x.png')
        assert (tmp_path / 'x.png').is_file()
