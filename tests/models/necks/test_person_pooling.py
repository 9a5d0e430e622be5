"""Features of persons are added or joined; an absent person adds nothing."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models import PersonPooling


@pytest.fixture
def feature_map():
    return torch.randn(3, 2, 4, 6, 5, generator=torch.Generator().manual_seed(0))


def test_persons_are_added(feature_map):
    expected = feature_map.mean(dim=(3, 4)).sum(dim=1)
    torch.testing.assert_close(PersonPooling()(feature_map), expected)


def test_persons_are_joined_one_after_the_other(feature_map):
    found = PersonPooling(join=True)(feature_map)
    expected = torch.cat([feature_map[:, person].mean(dim=(2, 3)) for person in (0, 1)], dim=1)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('join', [False, True])
def test_only_valid_steps_are_averaged(feature_map, join):
    pooling = PersonPooling(join=join)
    found = pooling(feature_map, torch.tensor([6, 2, 4]))
    for index, steps in enumerate((6, 2, 4)):
        alone = pooling(feature_map[index : index + 1, :, :, :steps])[0]
        torch.testing.assert_close(found[index], alone)


def test_another_number_of_persons_is_refused(feature_map):
    with pytest.raises(
        InputError, match=r'takes clips of 2 persons, but got 1; set data\.num_person'
    ):
        PersonPooling(join=True)(feature_map[:, :1])
