"""Tubes cover what a plain program covers with the same numbers, and ratios are spread."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models.tokens import TubeMask

PARTS = [[0, 1, 20, 2, 3], [4, 5, 6, 7, 21, 22], [8, 9, 10, 11, 23, 24]]
PARTS += [[12, 13, 14, 15], [16, 17, 18, 19]]


def plain_mask(wanted, steps, numbers):
    """Cover one clip, tube by tube."""
    mask, covered, failed = torch.zeros(steps, 25, dtype=torch.bool), 0, 0
    for part, width, first, area, start in numbers.tolist():
        if covered >= wanted or failed == 10:
            break
        left = min(wanted - covered, 100)
        joints = PARTS[int(part * 5)]
        width = 1 + int(width * len(joints))
        first = int(first * (len(joints) - width + 1))
        joints = joints[first : first + width]
        height = max(1, min(round((steps + (left - steps) * area) / width), steps))
        start = int(start * (steps - height + 1))
        tube = torch.zeros_like(mask)
        tube[start : start + height, joints] = True
        added = int((tube & ~mask).sum())
        if 0 < added <= left:
            mask |= tube
            covered, failed = covered + added, 0
        else:
            failed += 1
    return mask


@pytest.mark.parametrize('steps', [8, 4, 2, 1])
def test_masks_are_those_of_a_plain_program(steps):
    uniform = torch.rand(200, 12, 5, generator=torch.Generator().manual_seed(steps)).double()
    counts = torch.linspace(0, 0.9 * steps * 25, 12).long()
    found = TubeMask()(counts, steps, uniform)
    for index, count in enumerate(counts.tolist()):
        assert torch.equal(found[index], plain_mask(count, steps, uniform[:, index]))


def test_no_mask_has_more_tokens_than_wanted():
    uniform = torch.rand(100, 50, 5, generator=torch.Generator().manual_seed(0))
    masks = TubeMask()(torch.full((50,), 150), 8, uniform).sum(dim=(1, 2))
    assert masks.max() == 150
    assert masks.min() > 100


def test_ratios_are_spread_evenly_over_the_masked_clips():
    masking = TubeMask(ratio=(0.5, 0.9))
    uniform = torch.rand(40, generator=torch.Generator().manual_seed(0))
    counts = masking.counts(uniform, 200, share=0.5)
    assert not counts[20:].any()
    for index, count in enumerate(counts[:20].tolist()):
        low, high = (200 * (0.5 + 0.4 * (index + x) / 20) for x in (0, 1))
        assert int(low) <= count <= high


def test_mask_that_masks_nothing_is_refused():
    with pytest.raises(InputError, match=r'masks nothing of 3 tokens; correct model\.masking'):
        TubeMask(ratio=(0.1, 0.2)).counts(torch.rand(4), 3)


@pytest.mark.parametrize(
    'options',
    [{'ratio': (0.0, 0.9)}, {'ratio': (0.5, 1.0)}, {'ratio': (0.9, 0.5)}, {'share': 0.0}],
)
def test_mask_that_keeps_or_removes_everything_is_refused(options):
    with pytest.raises(InputError, match=r'takes an ascending ratio between 0 and 1'):
        TubeMask(**options)


def test_layout_without_body_parts_is_refused():
    layout = {'name': 'stick', 'joints': ['a', 'b'], 'parents': [-1, 0], 'centre': 'a'}
    with pytest.raises(InputError, match="layout 'stick' has no body parts"):
        TubeMask(layout=layout)
