"""Classifiers of coordinates, against dynamic programming and against sktime's classifier.

sktime and numba take 340 MB and compile for a minute, so they are optional. Without them, the tests
of MiniRocket are skipped.
"""

import sys

import numpy as np
import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.evaluation import MiniRocketMetric, TimeWarpingMetric
from mmcmd.registry import METRICS

PERSONS, FRAMES, JOINTS = 2, 12, 3


@pytest.fixture
def sktime():
    pytest.importorskip('numba', reason='needs numba: pip install "mmcmd[baselines]"')
    return pytest.importorskip('sktime', reason='needs sktime: pip install "mmcmd[baselines]"')


def waves(count, seed, frames=FRAMES):
    """Return coordinates (N, M, T, V, C) of 3 classes with different speeds, and their labels.

    The second person is missing.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    time = np.linspace(0, 1, frames)[:, None, None]
    phase = rng.uniform(0, 0.3, (count, 1, 1, 1))
    axes = np.random.default_rng(0).normal(size=(JOINTS, 3))
    swing = np.sin(2 * np.pi * (time * (1 + labels[:, None, None, None]) + phase)) * axes
    joints = np.zeros((count, PERSONS, frames, JOINTS, 3))
    joints[:, 0] = swing + rng.normal(scale=0.05, size=swing.shape)
    return joints.astype(np.float32), labels


def process(metric, joints, labels, streams=('joint',)):
    """Pass coordinates to a metric as an encoder does, in two batches."""
    joints = torch.from_numpy(joints)
    for part in np.array_split(np.arange(len(labels)), 2):
        samples = [
            {
                'feats': {
                    # A second stream with other values.
                    name: (joints[n] if name == 'joint' else joints[n].flip(1).abs()).flatten()
                    for name in streams
                },
                'gt_labels': {'item': torch.tensor([labels[n]])},
            }
            for n in part
        ]
        metric.process({'inputs': joints[part][:, None]}, samples)


def evaluate(metric, train, test, streams=('joint',)):
    process(metric, *train, streams)
    metric.keep_as_gallery(len(train[1]))
    process(metric, *test, streams)
    return metric.evaluate(len(test[1]))


def warp(first, second, width):
    """Return the sum along the best path of two series (T, C), at most `width` frames apart."""
    size = len(first)
    best = np.full((size + 1, size + 1), np.inf)
    best[0, 0] = 0
    for i in range(size):
        for j in range(size):
            if abs(i - j) <= width:
                cost = ((first[i] - second[j]) ** 2).sum()
                best[i + 1, j + 1] = cost + min(best[i, j], best[i, j + 1], best[i + 1, j])
    return best[size, size]


@pytest.mark.parametrize(('band', 'width'), [(0.0, 0), (0.25, 3), (1.0, FRAMES)])
def test_distances_are_those_of_a_dynamic_programme(band, width):
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(4, 5, FRAMES)), rng.normal(size=(6, 5, FRAMES))
    found = TimeWarpingMetric(band=band).distances(queries, gallery)
    expected = [[warp(x.T, y.T, width) ** 0.5 for y in gallery] for x in queries]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    if band == 0:
        euclidean = ((queries[:, None] - gallery[None]) ** 2).sum(axis=(2, 3)) ** 0.5
        np.testing.assert_allclose(found, euclidean, rtol=1e-10)


def test_a_late_movement_is_near_only_if_time_is_warped():
    still, pulse = np.zeros((1, FRAMES)), np.zeros((1, FRAMES))
    pulse[0, 3:6] = 1
    late = np.roll(pulse, 3, axis=1)
    gallery = np.stack([still, pulse])
    exact = TimeWarpingMetric(band=0).distances(late[None], gallery)
    warped = TimeWarpingMetric(band=0.5).distances(late[None], gallery)
    assert exact.argmin() == 0
    assert warped.argmin() == 1


def test_prediction_is_the_label_of_the_nearest_sequence():
    train, test = waves(12, 1), waves(9, 2)
    metric = TimeWarpingMetric(band=0.25)
    found = evaluate(metric, train, test)
    rows = [x[:, 0].reshape(len(x), FRAMES, -1) for x in (test[0], train[0])]
    nearest = [np.argmin([warp(x, y, 3) for y in rows[1]]) for x in rows[0].astype(float)]
    expected = train[1][nearest]
    assert metric.predictions['joint'].tolist() == expected.tolist()
    assert metric.predictions['labels'].tolist() == test[1].tolist()
    accuracy = (expected == test[1]).mean()
    assert found == {'acc/top1': accuracy, 'acc/joint_top1': accuracy}


def test_streams_are_compared_by_the_sum_of_scaled_distances():
    train, test = waves(12, 1), waves(9, 2)
    metric = TimeWarpingMetric()
    found = evaluate(metric, train, test, ('joint', 'bone'))
    assert set(found) == {'acc/top1', 'acc/joint_top1', 'acc/bone_top1', 'acc/2s_top1'}
    rng = np.random.default_rng(0)
    pairs = {name: tuple(rng.normal(size=(n, 4, FRAMES)) for n in (5, 7)) for name in 'ab'}
    scaled = [x / x.mean() for x in (metric.distances(*pair) for pair in pairs.values())]
    labels = np.arange(7)
    together = metric.predict(pairs, labels)['2s']
    assert together.tolist() == sum(scaled).argmin(axis=1).tolist()
    pairs['b'] = tuple(1000 * x for x in pairs['b'])
    assert metric.predict(pairs, labels)['2s'].tolist() == together.tolist(), 'a unit is no weight'


def test_minirocket_learns_what_can_be_told_apart(sktime):
    metric = MiniRocketMetric(num_kernels=500)
    found = evaluate(metric, waves(30, 1), waves(30, 2), ('joint', 'bone'))
    assert found['acc/joint_top1'] == found['acc/top1'] > 0.9
    assert found['acc/2s_top1'] > 0.9


@pytest.mark.parametrize('classes', [2, 3])
def test_minirocket_is_the_classifier_of_sktime(classes, sktime):
    from sktime.classification.kernel_based import RocketClassifier

    rng = np.random.default_rng(3)
    gallery, queries = rng.normal(size=(24, 4, 20)), rng.normal(size=(30, 4, 20))
    labels = np.arange(24) % classes + 1
    metric = MiniRocketMetric(num_kernels=300, seed=5)
    found = metric.predict({'joint': (queries, gallery)}, labels)['joint']
    theirs = RocketClassifier(300, 'minirocket', random_state=5).fit(gallery, labels)
    assert found.tolist() == theirs.predict(queries).tolist()
    other = MiniRocketMetric(num_kernels=300, seed=6)
    assert not np.array_equal(
        other.scores(queries, gallery, labels), metric.scores(queries, gallery, labels)
    )


def test_streams_of_minirocket_are_joined_by_their_scores(sktime):
    rng = np.random.default_rng(3)
    pairs = {name: tuple(rng.normal(size=(n, 4, 20)) for n in (30, 24)) for name in 'ab'}
    labels = np.arange(24) % 3
    metric = MiniRocketMetric(num_kernels=300)
    scores = sum(metric.scores(*pair, labels) for pair in pairs.values())
    assert metric.predict(pairs, labels)['2s'].tolist() == scores.argmax(axis=1).tolist()


def test_sequences_that_are_too_short_for_a_kernel_are_told(sktime):
    with pytest.raises(InputError, match='at least 9 frames, but clip_len is 8'):
        evaluate(MiniRocketMetric(), waves(6, 0, frames=8), waves(6, 1, frames=8))


def test_a_gallery_of_one_class_is_told(sktime):
    series = {'joint': (np.zeros((1, 1, 9)), np.zeros((2, 1, 9)))}
    with pytest.raises(InputError, match='at least two classes'):
        MiniRocketMetric().predict(series, np.array([1, 1]))


@pytest.mark.parametrize('band', [-0.1, 1.1])
def test_a_band_that_is_no_share_is_told(band):
    with pytest.raises(InputError, match=r'band=.* must lie in \[0, 1\]'):
        TimeWarpingMetric(band=band)


def test_features_of_an_encoder_are_refused():
    metric = TimeWarpingMetric()
    sample = {'feats': {'joint': torch.zeros(8)}, 'gt_labels': {'item': torch.tensor([0])}}
    with pytest.raises(InputError, match='216 numbers of a sequence, but the encoder gives 8'):
        metric.process({'inputs': torch.zeros(1, 1, PERSONS, FRAMES, JOINTS, 3)}, [sample])


@pytest.mark.parametrize(
    ('name', 'package'),
    [
        ('TimeWarpingMetric', 'dtaidistance'),
        ('MiniRocketMetric', 'numba'),
        ('MiniRocketMetric', 'sktime'),
    ],
)
def test_one_sentence_says_what_to_install(name, package, monkeypatch):
    if package == 'sktime':
        pytest.importorskip('numba', reason='needs numba: pip install "mmcmd[baselines]"')
    for module in [x for x in sys.modules if x.split('.')[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    message = rf'needs the package {package} .*: pip install "mmcmd\[baselines\]"'
    with pytest.raises(InputError, match=message):
        METRICS.build({'type': name})
