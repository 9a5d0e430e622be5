import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models import SkeletonEncoder


def test_feature_is_the_coordinates_of_a_modality():
    joints = torch.randn(3, 2, 8, 25, 3)
    for modality in ('joint', 'motion', 'bone'):
        encoder = SkeletonEncoder({'type': 'RawCoordinates', 'clip_len': 8}, modality=modality)
        assert encoder.feature_size() == 2 * 8 * 25 * 3
        assert not list(encoder.parameters())
        assert encoder.feature_map(joints).shape == (3, 1, 1200, 1, 1)
        torch.testing.assert_close(encoder(joints), encoder.modality(joints).flatten(1))


def test_clip_of_another_length_is_told():
    encoder = SkeletonEncoder({'type': 'RawCoordinates', 'clip_len': 8})
    with pytest.raises(InputError, match='built for sequences'):
        encoder(torch.randn(3, 2, 9, 25, 3))
