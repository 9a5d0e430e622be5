import pytest
import torch

from mmcmd.models.prompts import Prompts


def test_frame_prompt_is_added_in_the_released_channel_order():
    prompts, frames = Prompts(16, (2, 4, 3)), torch.zeros(5, 2, 7, 4, 3)
    found = prompts.on_frames('mask', frames)
    assert found.shape == frames.shape
    for m in range(2):
        for v in range(4):
            for c in range(3):
                value = prompts.mask[0, 0, v * 6 + c * 2 + m]
                assert (found[:, m, :, v, c] == value).all()


def test_feature_prompt_is_added_at_the_same_position_of_both_halves():
    prompts = Prompts(20, (1, 2, 3), size=3)
    found = prompts.on_feature('contrast', torch.zeros(4, 5, 20), start=6)
    expected = torch.zeros(20)
    expected[6:9], expected[16:19] = prompts.contrast[0, :3], prompts.contrast[0, 3:]
    assert torch.equal(found, expected.expand(4, 5, 20))


def test_sizes_and_bounds_are_the_released_ones():
    torch.manual_seed(0)
    prompts = Prompts(2048, (2, 25, 3))
    for name, shape, bound in (
        *((name, (1, 256), (6 / 257) ** 0.5) for name in ('contrast', 'decode')),
        *((name, (1, 1, 150), (6 / 300) ** 0.5) for name in ('base', 'mask', 'recons', 'mix')),
    ):
        prompt = getattr(prompts, name)
        assert prompt.shape == shape
        assert 0.9 * bound < prompt.abs().max() <= bound
    draws = {prompts.draw(torch.Generator().manual_seed(seed)) for seed in range(4000)}
    assert min(draws) >= 0
    assert 880 < max(draws) <= 895


@pytest.mark.parametrize('size', [2, 3, 4, 256])
def test_prompt_of_the_least_size_fits_small_features(size):
    prompts = Prompts(size, (1, 2, 3))
    start = prompts.draw(torch.Generator())
    assert prompts.on_feature('contrast', torch.zeros(2, size), start).shape == (2, size)


def test_prompt_that_is_left_out_adds_nothing():
    prompts, x = Prompts(16, (2, 4, 3), names=('contrast',)), torch.randn(3, 2, 7, 4, 3)
    assert [name for name, _ in prompts.named_parameters()] == ['contrast']
    assert prompts.on_frames('base', x) is x
    assert prompts.on_feature('decode', x, 0) is x
