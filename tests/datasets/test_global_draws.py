"""A training refuses a transform that draws from a global generator, and names it."""

import random

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform

from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.global_draws import SAMPLES
from mmcmd.errors import InputError

DRAWS = {
    'numpy': lambda: np.random.rand(),  # noqa: NPY002
    'Python': random.random,
    'torch': lambda: torch.rand(()).item(),
}


class Jitter(BaseTransform):
    """Adds a number that a given function draws to all coordinates."""

    def __init__(self, draw, prob=1.0):
        self.draw, self.prob = draw, prob

    def transform(self, results):
        if self.prob == 1 or results['rng'].random() < self.prob:
            results['keypoint'] = results['keypoint'] + np.float32(self.draw())
        return results


class Nested(BaseTransform):
    """Imitates a transform of another package that applies other transforms."""

    def __init__(self, inner):
        self.inner = inner

    def transform(self, results):
        return self.inner(results)


@pytest.fixture
def make(tiny_pickle, mmcmd_scope):
    def make(*transforms, **options):
        return SkeletonDataset(str(tiny_pickle), list(transforms), clip_len=8, **options)

    return make


def first_samples(dataset):
    return [dataset[0, 0, index % len(dataset)] for index in range(SAMPLES)]


CLIP = {'type': 'FormatGCNInput', 'num_person': 2}


@pytest.mark.parametrize('package', DRAWS)
def test_draw_is_refused_and_the_transform_named(package, make):
    dataset = make(Nested(Jitter(DRAWS[package])))
    message = rf"^Jitter draws from {package}'s global random generator.*draw from results\['rng'\]"
    with pytest.raises(InputError, match=message):
        dataset[0, 0, 3]


@pytest.mark.parametrize(
    'wrap',
    [
        lambda jitter: {'type': 'MultiView', 'views': [{'transforms': [jitter, CLIP]}]},
        lambda jitter: {'type': 'RandomChoice', 'transforms': [{'type': 'Shear'}, jitter]},
    ],
    ids=['MultiView', 'RandomChoice'],
)
def test_transform_inside_another_is_named(wrap, make):
    dataset = make({'type': 'TemporalCropResize'}, wrap(Jitter(DRAWS['numpy'])))
    with pytest.raises(InputError, match='Jitter draws from numpy'):
        first_samples(dataset)


def test_transform_that_is_applied_now_and_then_is_found(make):
    dataset = make(Jitter(DRAWS['numpy'], prob=0.5))
    with pytest.raises(InputError, match='Jitter draws from numpy'):
        first_samples(dataset)


def test_sample_and_generators_are_left_as_they_were(make):
    """A data set with a guard makes the same samples as one without."""
    samples = []
    for watched in (True, False):
        dataset = make(Jitter(DRAWS['numpy']), global_draws='warn')
        dataset._guard.samples_left = SAMPLES if watched else 0
        np.random.seed(3)  # noqa: NPY002
        samples.append([dataset[0, 0, index]['keypoint'] for index in range(3)])
    for first, second in zip(*samples, strict=True):
        np.testing.assert_array_equal(first, second)


def test_warning_is_given_once(make, monkeypatch):
    texts = []
    module = 'mmcmd.datasets.global_draws.print_log'
    monkeypatch.setattr(module, lambda text, **_: texts.append(text))
    dataset = make(Jitter(DRAWS['numpy']), global_draws='warn')
    for index in range(5):
        dataset[0, 0, index]
    assert len(texts) == 1
    assert texts[0].startswith('Jitter draws')


def test_samples_after_the_first_ones_and_those_of_tests_are_not_watched(make, monkeypatch):
    dataset = make(Jitter(lambda: 0))
    calls = []
    watch = dataset._guard.watch
    monkeypatch.setattr(dataset._guard, 'watch', lambda fn: calls.append(1) or watch(fn))
    dataset[3]
    assert not calls
    for index in range(SAMPLES + 5):
        dataset[0, 0, index % 15]
    assert len(calls) == SAMPLES


def test_pipelines_of_the_package_and_of_mmaction2_pass(make):
    views = [{'transforms': [{'type': 'Shear'}, {'type': 'JointCorruption'}, CLIP], 'num_views': 2}]
    dataset = make(
        {'type': 'NormalizeSkeleton'},
        {'type': 'TemporalCropResize'},
        {'type': 'MultiView', 'views': views},
        {'type': 'PackActionInputs'},
    )
    for index in range(SAMPLES):
        assert dataset[0, 0, index % 15]['inputs'].shape[0] == 2


def test_other_words_are_refused(make):
    with pytest.raises(InputError, match="'refuse' or 'warn', but is 'allow'"):
        make(global_draws='allow')
