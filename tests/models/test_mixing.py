from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from mmcmd.errors import InputError
from mmcmd.models.mixing import BodyPartMix, Mix, mix_keys, mix_samples
from mmcmd.skeletons import LAYOUTS, get_layout

MIX = Mix(choice=0.9, shift=2, joints=(1, 3), first=4, length=6, weight=0.3)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def samples():
    return torch.randn(5, 2, 16, 4, 3, generator=generator())


def restate(samples, mix, source):
    """Replace the region joint by joint; `source` gives the frame of the partner."""
    out = samples.clone()
    for i in range(len(samples)):
        partner = samples[(i + mix.shift) % len(samples)]
        for index in range(mix.length):
            for joint in mix.joints:
                out[i, :, mix.first + index, joint] = partner[:, source(index), joint]
    return out


def test_swap_takes_the_same_region_of_the_partner(samples):
    expected = restate(samples, MIX, lambda index: MIX.first + index)
    assert torch.equal(mix_samples(samples, MIX), expected)


@pytest.mark.parametrize('length', [6, 9])  # twice 9 frames are more than the clip has
def test_squeezed_swap_takes_the_first_frames_by_nearest_neighbour(samples, length):
    mix = replace(MIX, choice=0.5, length=length)
    span = min(2 * length, 16)
    expected = restate(samples, mix, lambda index: index * span // length)
    assert torch.equal(mix_samples(samples, mix), expected)


@pytest.mark.parametrize('length', range(28, 45, 4))
def test_squeezing_is_torch_s_nearest_interpolation(length):
    frames = torch.arange(64.0).view(1, 1, 64, 1, 1).repeat(2, 1, 1, 1, 1)
    mix = Mix(choice=0.4, shift=1, joints=(0,), first=0, length=length, weight=0.5)
    span = min(2 * length, 64)
    expected = F.interpolate(torch.arange(float(span))[None, None], size=length, mode='nearest')
    assert torch.equal(mix_samples(frames, mix)[0, 0, :length, 0, 0], expected[0, 0])


def test_mixup_interpolates_whole_clips(samples):
    mix = replace(MIX, choice=0.25)
    expected = torch.stack([0.7 * samples[i] + 0.3 * samples[(i + 2) % 5] for i in range(5)])
    torch.testing.assert_close(mix_samples(samples, mix), expected)


def test_keys_are_mixed_by_the_weight_and_normalised():
    keys = F.normalize(torch.randn(5, 6, generator=generator()), dim=1)
    for i, found in enumerate(mix_keys(keys, MIX)):
        expected = 0.7 * keys[i] + 0.3 * keys[(i + 2) % 5]
        torch.testing.assert_close(found, expected / expected.norm())


@pytest.mark.parametrize('layout', LAYOUTS)
def test_draws_are_whole_parts_and_windows_on_the_grid(layout):
    mixing, skeleton, draws = BodyPartMix(layout), get_layout(layout), generator()
    mixes = [mixing.draw(draws, 6, 64) for _ in range(600)]
    for mix in mixes:
        parts = [x for x in skeleton.parts if set(x) <= set(mix.joints)]
        assert len(parts) in (2, 3)
        assert sum(map(len, parts)) == len(mix.joints)
        share = mix.length / 64 * len(mix.joints) / skeleton.num_joints
        assert mix.choice <= 0.25 or mix.weight == pytest.approx(share)
    assert {mix.length for mix in mixes} == {28, 32, 36, 40, 44}
    assert {mix.first for mix in mixes if mix.length == 28} == set(range(0, 37, 4))
    assert {mix.shift for mix in mixes} == {1, 2, 3, 4}
    assert 240 < sum(mix.choice > 0.5 for mix in mixes) < 360
    weights = torch.tensor([mix.weight for mix in mixes if mix.choice <= 0.25])
    assert weights.min() < 0.1 < 0.9 < weights.max()


def test_window_may_fill_the_clip():
    mix = BodyPartMix(window=(16, 16)).draw(generator(), 3, 16)
    assert (mix.first, mix.length, mix.shift) == (0, 16, 1)


def test_batch_that_is_too_small_is_told():
    with pytest.raises(InputError, match='3 samples or more on each rank, but got 2; raise train_'):
        BodyPartMix().draw(generator(), 2, 64)


def test_window_that_is_longer_than_the_clip_is_told():
    with pytest.raises(InputError, match='up to 44 frames, but the clips have 16; lower'):
        BodyPartMix().draw(generator(), 6, 16)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'window': (12, 8)}, 'smaller one first, .* got window=.12, 8., stride=4'),
        ({'window': (6, 8)}, 'multiples of the stride, but got window=.6, 8., stride=4'),
        ({'num_parts': (2, 6)}, 'body parts in 1 to 5, .* got num_parts=.2, 6.'),
    ],
)
def test_numbers_that_do_not_fit_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        BodyPartMix(**options)


def test_layout_without_parts_is_told():
    own = {'name': 'own', 'joints': ('a', 'b'), 'parents': (0, 0), 'centre': 0}
    with pytest.raises(InputError, match="layout 'own' has no body parts"):
        BodyPartMix(own)
