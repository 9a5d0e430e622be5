"""Masks and jigsaws along time equal plain loops."""

from itertools import permutations

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models.temporal_tasks import TemporalJigsaw, first_frames, mask_tail


def numbered(batch, num_frames):
    """Return sequences (N, 1, T, 1, 1) with the numbers of the frames, from 1 on, as values."""
    return torch.arange(1.0, num_frames + 1)[None, None, :, None, None].repeat(batch, 1, 1, 1, 1)


def test_tail_is_masked_from_the_share_of_the_valid_frames_on():
    valid = torch.tensor([10, 7, 1, 30])
    found = mask_tail(numbered(4, 30), valid, 0.7)[:, 0, :, 0, 0]
    for row, count in zip(found, (7, 5, 1, 21), strict=True):
        assert row.tolist() == [*range(1, count + 1), *[0] * (30 - count)]


def test_frames_before_the_end_are_marked():
    found = first_frames(4, torch.tensor([0, 2, 4]))
    assert found.int().tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]


def test_segments_are_put_in_order_and_the_rest_stays():
    jigsaw = TemporalJigsaw()
    valid = torch.tensor([11, 3, 9, 30, 2, 10])
    labels = torch.tensor([1, 2, 3, 4, 5, 0])
    usable = jigsaw.usable_frames(valid, 30)
    assert usable.tolist() == [11, 3, 9, 30, 30, 10]
    found = jigsaw.apply(numbered(6, 30), usable, labels)[:, 0, :, 0, 0]
    orders = list(permutations(range(3)))
    for row, n, label in zip(found, usable.tolist(), labels.tolist(), strict=True):
        frames, length = list(range(1, 31)), n // 3
        segments = [frames[i * length : (i + 1) * length] for i in orders[label]]
        assert row.tolist() == [*segments[0], *segments[1], *segments[2], *frames[3 * length :]]


def test_every_order_is_drawn_and_the_generator_decides():
    jigsaw, generator = TemporalJigsaw(), torch.Generator()
    draws = jigsaw.draw(generator.manual_seed(3), 600)
    assert torch.equal(draws, jigsaw.draw(generator.manual_seed(3), 600))
    assert (draws.bincount(minlength=6) > 60).all()
    assert jigsaw.num_orders == 6


@pytest.mark.parametrize('segments', [0, 1, 7])
def test_number_of_segments_that_makes_no_jigsaw_is_told(segments):
    with pytest.raises(InputError, match=f'2 to 6 segments, but got segments={segments}'):
        TemporalJigsaw(segments)


def test_clip_that_is_shorter_than_the_segments_is_told():
    jigsaw, labels = TemporalJigsaw(5), torch.tensor([1, 2])
    with pytest.raises(InputError, match='clips of 5 frames or more, but they have 4'):
        jigsaw.apply(numbered(2, 4), jigsaw.usable_frames(torch.tensor([4, 2]), 4), labels)
    whole = jigsaw.apply(numbered(2, 5), torch.tensor([5, 5]), labels)[:, 0, :, 0, 0]
    assert whole.sort(dim=1).values.tolist() == [[1, 2, 3, 4, 5]] * 2
