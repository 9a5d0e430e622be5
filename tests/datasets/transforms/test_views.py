import numpy as np
import pytest

from mmcmd.datasets.transforms import MultiView, RandomChoice
from mmcmd.errors import InputError

AUGMENTATION = [
    {'type': 'TemporalCropResize', 'ratio': (0.1, 1.0)},
    {'type': 'RandomChoice', 'transforms': [{'type': 'Shear'}, {'type': 'JointCorruption'}]},
    {'type': 'FormatGCNInput', 'num_person': 2},
]


def views(key, num_views=2):
    keypoint = np.random.default_rng(0).normal(size=(2, 40, 25, 3)).astype(np.float32)
    sample = {'keypoint': keypoint, 'clip_len': 8, 'rng': np.random.default_rng(key)}
    result = MultiView([{'transforms': AUGMENTATION, 'num_views': num_views}])(sample)['keypoint']
    assert result.shape == (num_views, 2, 8, 25, 3)
    return result


def test_views_of_a_sequence_differ():
    first, second, third = views((0, 0, 3), num_views=3)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_views_are_a_function_of_seed_epoch_and_sample():
    assert np.array_equal(views((1, 2, 3)), views((1, 2, 3)))
    for other in ((0, 2, 3), (1, 0, 3), (1, 2, 0)):
        assert not np.array_equal(views((1, 2, 3)), views(other))


def test_another_view_leaves_the_first_two_as_they_are():
    assert np.array_equal(views((1, 2, 3)), views((1, 2, 3), num_views=3)[:2])


@pytest.mark.parametrize(
    ('prob', 'expected'), [(None, (1 / 3, 1 / 3, 1 / 3)), ((0.7, 0.3, 0), (0.7, 0.3, 0))]
)
def test_random_choice_applies_exactly_one_with_its_probability(prob, expected):
    def make(name):
        return lambda results: {**results, 'done': [*results['done'], name]}

    transform = RandomChoice([make(name) for name in 'abc'], prob=prob)
    rng = np.random.default_rng(0)
    done = [transform({'done': [], 'rng': rng})['done'] for _ in range(2000)]
    assert {len(names) for names in done} == {1}
    shares = [sum(names == [name] for names in done) / 2000 for name in 'abc']
    assert shares == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize('prob', [(0.5, 0.4), (1.0,), (0.5, 0.25, 0.25)])
def test_probabilities_that_do_not_fit_are_told(prob):
    with pytest.raises(InputError, match='probability'):
        RandomChoice([{'type': 'Shear'}, {'type': 'JointCorruption'}], prob=prob)


def test_view_that_is_no_clip_is_told():
    sample = {'keypoint': np.ones((2, 40, 25, 3)), 'clip_len': 8, 'rng': np.random.default_rng(0)}
    with pytest.raises(InputError, match='must end with FormatGCNInput'):
        MultiView([{'transforms': AUGMENTATION[:-1]}])(sample)
