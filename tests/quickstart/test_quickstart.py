"""The quick start: synthetic motions, and the small encoder that comes with the package."""

import json

import numpy as np
import pytest
from PIL import Image

from mmcmd import quickstart
from mmcmd.apis.own_data import describe_pickle
from mmcmd.errors import InputError
from mmcmd.inference import PickleRecordings, SkeletonEncoderInferencer
from mmcmd.quickstart import shipped
from mmcmd.synthetic import Plan


@pytest.fixture(scope='module')
def pickle_file(tmp_path_factory):
    """Return a pickle of the motions of four people."""
    path = tmp_path_factory.mktemp('quickstart') / 'motions.pkl'
    plan = Plan(seed=quickstart.PLAN.seed, subjects=4, actions=6, cameras=(2,))
    assert quickstart.make_motions(path, plan) == 24
    return path


@pytest.fixture(scope='module')
def motions(pickle_file):
    """Return these motions."""
    return PickleRecordings(pickle_file)


@pytest.fixture(scope='module')
def found(motions):
    """Return the neighbours of these motions."""
    encoder = SkeletonEncoderInferencer(quickstart.ENCODER, device='cpu', show_progress=False)
    return quickstart.find_neighbours(encoder, motions)


def test_people_are_others_than_those_of_the_training():
    facts = json.loads((quickstart.ENCODER / 'config.json').read_text())
    assert facts['encoder']['data']['name'] == 'synthetic_xsub'
    assert quickstart.PLAN.seed != Plan.seed  # which make_synthetic.py takes


def test_encoder_is_small_and_says_that_it_is_synthetic():
    assert sum(path.stat().st_size for path in quickstart.ENCODER.iterdir()) < 500_000
    assert json.loads((quickstart.ENCODER / 'config.json').read_text())['synthetic'] is True
    assert 'SYNTHETIC' in (quickstart.ENCODER / 'README.md').read_text()


def test_motions_have_the_names_of_their_actions(motions):
    assert motions.classes[:3] == ['drink', 'phone call', 'wave hand']
    assert np.bincount(motions.labels).tolist() == [4] * 6


def test_motions_can_be_trained_on(pickle_file):
    described = describe_pickle(pickle_file)
    assert described['split'] == 'xsub'
    assert described['num_classes'] == 6


def test_neighbours_are_sorted_and_leave_out_the_motion_itself(motions, found):
    assert len(found) == len(motions)
    for row, one in enumerate(found):
        assert one.label == motions.labels[row]
        assert row not in [x.row for x in one.neighbours]
        near = [x.similarity for x in one.neighbours]
        assert near == sorted(near, reverse=True)
        assert len(near) == 3


def test_encoder_finds_more_than_coordinates_do(found):
    assert quickstart.share_found(found) > quickstart.share_by_coordinates(found)


def test_shown_motions_are_chosen_by_class_alone(found):
    chosen = quickstart.choose(found, [4, 0])
    assert [one.label for one in chosen] == [4, 0]
    assert [one.row for one in chosen] == [4, 0]  # of the first person


def test_picture_moves(motions, found, tmp_path):
    out = tmp_path / 'neighbours.gif'
    quickstart.draw_neighbours(quickstart.choose(found, [2, 5]), motions, 'SYNTHETIC', out)
    with Image.open(out) as picture:
        frames = [np.asarray(picture.convert('L')) for n in (0, 9) if picture.seek(n) is None]
    assert (frames[0] != frames[1]).any()


def test_missing_encoder_gives_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, 'ENCODER', tmp_path / 'nothing')
    with pytest.raises(InputError, match='installation is not whole'):
        quickstart.copy_encoder(tmp_path / 'copy')
