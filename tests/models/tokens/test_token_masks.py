"""Masks of tokens: number and choice of the tokens that are kept, and wrong arguments."""

import math

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models.tokens import MotionAwareMask, RandomTokenMask, patchify


@pytest.fixture
def patches():
    """Return patches (B, T', V, u C) of 2 persons. The second person is all zero."""
    joints = torch.randn(1, 2, 12, 5, 3, generator=torch.Generator().manual_seed(0))
    joints[:, 1] = 0
    return patchify(joints, 4)


def test_number_that_stays_is_rounded_down_in_floating_point():
    assert RandomTokenMask(0.9).num_kept(750) == 74
    assert RandomTokenMask(0.5).num_kept(750) == 375


def test_smallest_random_numbers_stay_in_their_order(patches):
    uniform = torch.linspace(1, 0, 16)[1:].expand(2, -1)  # the last token has the smallest
    keep, removed = RandomTokenMask(0.8)(patches, uniform)
    assert keep.tolist() == [[14, 13]] * 2  # int(15 * (1 - 0.8)), in floating point
    assert (~removed).nonzero()[:, 1].tolist() == sorted(keep[0].tolist()) * 2


def test_motion_aware_scores_are_those_of_a_loop(patches):
    uniform = torch.rand(2, 15, generator=torch.Generator().manual_seed(1))
    found = MotionAwareMask(0.8, tau=0.5).scores(patches, uniform)
    for person in range(2):
        motion = []
        for step in range(3):
            for joint in range(5):
                now = max(step, 1)
                pair = patches[person, now, joint], patches[person, now - 1, joint]
                motion.append((pair[0] - pair[1]).abs().mean().item())
        weights = [x / (0.5 * max(motion) + 1e-10) for x in motion]
        total = sum(math.exp(x) for x in weights)
        for token, weight in enumerate(weights):
            gumbel = -math.log(-math.log(uniform[person, token].item() + 1e-10) + 1e-10)
            expected = weight - math.log(total) + gumbel
            assert found[person, token].item() == pytest.approx(expected, abs=1e-5)


def test_moving_tokens_are_removed_more_often():
    joints = torch.zeros(1, 1, 8, 4, 3)
    joints[..., 0, 0] = torch.arange(8.0)  # only the first joint moves
    mask, generator = MotionAwareMask(0.5, tau=0.3), torch.Generator().manual_seed(0)
    removed = [
        mask(patchify(joints, 2), torch.rand(1, 16, generator=generator))[1].view(4, 4)
        for _ in range(200)
    ]
    share = torch.stack(removed).double().mean(dim=(0, 1))
    assert share[0] > share[1:].max() + 0.2


def test_one_step_of_time_is_masked_at_random():
    uniform = torch.rand(1, 5, generator=torch.Generator().manual_seed(0))
    keep, _ = MotionAwareMask(0.5)(patchify(torch.randn(1, 1, 4, 5, 3), 4), uniform)
    assert keep.tolist() == [uniform.argsort()[0, :2].tolist()]


@pytest.mark.parametrize('ratio', [0, 1, -0.1])
def test_ratio_that_is_no_share_is_refused(ratio):
    with pytest.raises(InputError, match=f'between 0 and 1, but got ratio={ratio}'):
        RandomTokenMask(ratio)


@pytest.mark.parametrize(('ratio', 'kept'), [(0.99, 0), (1e-20, 15)])
def test_mask_that_keeps_nothing_or_everything_is_refused(patches, ratio, kept):
    with pytest.raises(InputError, match=f'keeps {kept} of 15 tokens'):
        RandomTokenMask(ratio)(patches, torch.rand(2, 15))


def test_tau_of_zero_is_refused():
    with pytest.raises(InputError, match=r"set model\.masking\.type to 'RandomTokenMask'"):
        MotionAwareMask(tau=0)
