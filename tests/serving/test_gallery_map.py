"""The map is made once for each set of features, and similar features are near each other."""

import time

import numpy as np
import pytest

pytest.importorskip('sklearn')

from mmcmd.serving import gallery_map
from mmcmd.serving.gallery_map import GalleryMap


def clusters():
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(3, 16)), 12, axis=0)
    features = (centres + 0.05 * rng.normal(size=(36, 16))).astype(np.float32)
    return {'joint': features / np.linalg.norm(features, axis=1, keepdims=True)}


def wait(made):
    for _ in range(600):
        method, final, places = made.get('joint')
        if final:
            return method, places
        time.sleep(0.1)
    raise AssertionError('no map within a minute')


def test_principal_components_stand_in_until_the_map_is_kept(tmp_path, monkeypatch):
    made = GalleryMap(clusters(), tmp_path)
    method, final, places = made.get('joint')
    assert (method, final, places.shape) == ('principal components', False, (36, 2))
    method, places = wait(made)
    assert method == 't-SNE'
    assert places.min() >= 0
    assert places.max() <= 1
    middles = places.reshape(3, 12, 2).mean(axis=1, keepdims=True)
    within = np.linalg.norm(places.reshape(3, 12, 2) - middles, axis=-1).max()
    between = np.linalg.norm(middles[[0, 1, 2]] - middles[[1, 2, 0]], axis=-1).min()
    assert between > 2 * within

    monkeypatch.setattr(gallery_map, '_make_map', None)  # would fail if the map were made again
    method, final, again = GalleryMap(clusters(), tmp_path).get('joint')
    assert (method, final) == ('t-SNE', True)
    np.testing.assert_array_equal(again, places)


def test_other_features_have_another_map(tmp_path):
    wait(GalleryMap(clusters(), tmp_path))
    other = {'joint': clusters()['joint'][::-1]}
    assert not GalleryMap(other, tmp_path).get('joint')[1]


def test_a_large_gallery_is_thinned_out(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_map, 'MOST_POINTS', 5)
    made = GalleryMap(clusters(), tmp_path)
    assert made.rows.tolist() == [0, 8, 17, 26, 35]
    assert made.get('joint')[1], 'so few points have no t-SNE'
