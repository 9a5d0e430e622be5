import numpy as np
import pytest

from mmcmd.datasets.transforms import (
    AxisMask,
    GaussianNoise,
    JointFlip,
    MirrorCrop,
    RandomApply,
    RandomRotation,
    TemporalBlur,
    TimeFlip,
    blur_time,
    mirror_crop,
    rotate,
)
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS

ALL = [
    'AxisMask',
    'GaussianNoise',
    'JointFlip',
    'MirrorCrop',
    'RandomRotation',
    'TemporalBlur',
    'TimeFlip',
]


@pytest.fixture
def keypoint():
    return np.random.default_rng(0).normal(size=(2, 24, 25, 3)).astype(np.float32)


def apply(transform, keypoint, seed=0):
    rng = np.random.default_rng(seed)
    return transform({'keypoint': keypoint, 'layout': 'ntu', 'rng': rng})['keypoint']


@pytest.mark.parametrize('name', ALL)
def test_transform_keeps_shape_and_type_and_leaves_its_input(keypoint, name):
    transform, given = TRANSFORMS.build({'type': name}), keypoint.copy()
    np.random.seed(0)  # noqa: NPY002  (the global generator must play no part)
    found = apply(transform, keypoint, seed=2)
    assert (found.shape, found.dtype) == (keypoint.shape, np.float32)
    assert not np.array_equal(found, keypoint)
    assert np.array_equal(keypoint, given), 'the input is shared by the views'
    np.random.seed(1)  # noqa: NPY002
    assert np.array_equal(found, apply(transform, keypoint, seed=2))


def test_mirror_crop_is_a_piece_of_numpy_s_symmetric_padding(keypoint):
    padded = np.pad(keypoint, ((0, 0), (4, 4), (0, 0), (0, 0)), mode='symmetric')
    starts = set()
    for seed in range(100):
        found = apply(MirrorCrop(), keypoint, seed)
        same = [s for s in range(9) if np.array_equal(found, padded[:, s : s + 24])]
        starts.update(same)
        assert len(same) == 1
    assert starts == set(range(9))
    np.testing.assert_array_equal(mirror_crop(keypoint, 24, 24), keypoint)
    np.testing.assert_array_equal(mirror_crop(keypoint, 0, 24), keypoint[:, ::-1])


def test_flip_exchanges_sides_but_not_coordinates(keypoint):
    found = apply(JointFlip(), keypoint)
    np.testing.assert_array_equal(found[:, :, 4], keypoint[:, :, 8])
    np.testing.assert_array_equal(found[:, :, 21], keypoint[:, :, 23])
    np.testing.assert_array_equal(found[:, :, 3], keypoint[:, :, 3])


@pytest.mark.parametrize(
    ('degrees', 'before', 'after'),
    [
        ((90, 0, 0), (0, 1, 0), (0, 0, -1)),
        ((0, 90, 0), (0, 0, 1), (-1, 0, 0)),
        ((0, 0, 90), (1, 0, 0), (0, -1, 0)),
        ((90, 90, 90), (0, 1, 0), (0, -1, 0)),  # to -z, then to x, then to -y
    ],
)
def test_rotations_go_about_x_then_y_then_z(degrees, before, after):
    keypoint = np.array(before, np.float64).reshape(1, 1, 1, 3)
    np.testing.assert_allclose(rotate(keypoint, degrees).ravel(), after, atol=1e-12)


def test_one_axis_turns_up_to_30_degrees_and_the_others_up_to_one(monkeypatch, keypoint):
    drawn = []
    monkeypatch.setattr(
        'mmcmd.datasets.transforms.extreme.rotate', lambda x, degrees: drawn.append(degrees) or x
    )
    for seed in range(600):
        apply(RandomRotation(), keypoint, seed)
    drawn = np.array(drawn)
    assert drawn.min() >= 0
    main, rest = np.sort(drawn)[:, 2], np.sort(drawn)[:, :2]
    assert rest.max() <= 1
    assert 29 < main.max() <= 30
    assert main.mean() == pytest.approx(15, abs=1.5)
    assert np.bincount(drawn.argmax(axis=1)) == pytest.approx([200, 200, 200], abs=45)


def test_noise_falls_on_every_coordinate_of_missing_persons_too(keypoint):
    keypoint[1] = 0
    noise = apply(GaussianNoise(std=0.02), keypoint) - keypoint
    assert noise.all()
    assert noise.mean() == pytest.approx(0, abs=2e-3)
    assert noise.std(axis=(1, 2, 3)) == pytest.approx([0.02, 0.02], rel=0.1)


def test_blur_is_fifteen_taps_with_zeros_beyond_the_ends(keypoint):
    taps = np.exp(-(np.arange(-7, 8) ** 2) / (2 * 1.5**2))
    found = blur_time(keypoint, 1.5)
    for m, v, c in ((0, 3, 1), (1, 24, 2)):
        expected = np.convolve(keypoint[m, :, v, c], taps, mode='same')
        np.testing.assert_allclose(found[m, :, v, c], expected, rtol=1e-4, atol=1e-5)
    impulse = np.zeros((1, 30, 1, 1))
    impulse[0, 10] = 1
    assert np.flatnonzero(blur_time(impulse, 2.0)).tolist() == [*range(3, 18)]


def test_blur_draws_its_width_uniformly():
    impulse = np.zeros((1, 15, 1, 3))
    impulse[0, 7] = 1
    next_tap = [apply(TemporalBlur(), impulse, seed)[0, 8, 0, 0] for seed in range(400)]
    widths = np.sqrt(-0.5 / np.log(next_tap))
    assert 0.1 <= widths.min() < 0.15
    assert 1.95 < widths.max() <= 2
    assert widths.mean() == pytest.approx(1.05, abs=0.1)


def test_mask_clears_one_axis_that_is_drawn(keypoint):
    chosen = []
    for seed in range(300):
        found = apply(AxisMask(), keypoint, seed)
        (axis,) = np.flatnonzero(~found.any(axis=(0, 1, 2)))
        chosen.append(axis)
        kept = [x for x in range(3) if x != axis]
        assert np.array_equal(found[..., kept], keypoint[..., kept])
    assert np.bincount(chosen) == pytest.approx([100, 100, 100], abs=30)


def test_time_flip_reverses_the_frames(keypoint):
    np.testing.assert_array_equal(apply(TimeFlip(), keypoint), keypoint[:, ::-1])


@pytest.mark.parametrize('prob', [0, 0.3, 1])
def test_random_apply_applies_all_or_none_with_its_probability(prob):
    steps = [lambda results: {**results, 'done': results['done'] + 1}] * 2
    transform, rng = RandomApply(steps, prob=prob), np.random.default_rng(0)
    done = [transform({'done': 0, 'rng': rng})['done'] for _ in range(1000)]
    assert set(done) <= {0, 2}
    assert done.count(2) / 1000 == pytest.approx(prob, abs=0.05)


def test_random_apply_of_a_config_is_ours(keypoint):
    config = {'type': 'RandomApply', 'transforms': {'type': 'TimeFlip'}, 'prob': 1.0}
    transform = TRANSFORMS.build(config)
    assert isinstance(transform, RandomApply)
    np.testing.assert_array_equal(apply(transform, keypoint), keypoint[:, ::-1])


def test_views_of_the_whole_extreme_pipeline_are_reproducible(keypoint):
    maybe = [{'type': 'RandomApply', 'transforms': {'type': name}} for name in ALL]
    shape = [{'type': 'Shear', 'beta': 0.5}, {'type': 'FormatGCNInput', 'num_person': 2}]
    transforms = [{'type': 'NormalizePersons'}, *maybe, *shape]
    config = {'type': 'MultiView', 'views': [{'transforms': transforms, 'num_views': 2}]}

    def views(seed):
        rng = np.random.Generator(np.random.PCG64(seed))
        sample = {'keypoint': keypoint, 'layout': 'ntu', 'clip_len': 50, 'rng': rng}
        return TRANSFORMS.build(config)(sample)['keypoint']

    found = views(1)
    assert (found.shape, found.dtype) == ((2, 2, 50, 25, 3), np.float32)
    assert not np.array_equal(found[0], found[1])
    assert np.array_equal(found, views(1))
    assert not np.array_equal(found, views(2))


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ({'type': 'RandomApply', 'transforms': [], 'prob': 1.5}, 'prob=1.5'),
        ({'type': 'MirrorCrop', 'ratio': 0}, 'ratio=0'),
        ({'type': 'TemporalBlur', 'sigma': (0, 2)}, r'sigma=\(0, 2\)'),
    ],
)
def test_options_that_make_no_sense_are_told(config, message):
    with pytest.raises(InputError, match=message):
        TRANSFORMS.build(config)


def test_rotation_of_flat_skeletons_is_told(keypoint):
    with pytest.raises(InputError, match='3 coordinates, but they have 2'):
        apply(RandomRotation(), keypoint[..., :2])
