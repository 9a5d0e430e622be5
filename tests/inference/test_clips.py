"""A recording becomes the sample that an encoder takes."""

import numpy as np
import pytest

from mmcmd.errors import InputError
from mmcmd.inference.checkpoints import Recipe
from mmcmd.inference.clips import ClipMaker
from mmcmd.inference.recordings import from_array
from mmcmd.skeletons import get_layout


@pytest.fixture
def pixels():
    """Return x, y and a confidence (T, V, 3), of which one is 0."""
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(20, 90, (6, 17, 2)), rng.uniform(0.1, 1, (6, 17, 1))], -1)
    points[1, 2, 2] = 0
    return points.astype(np.float32)


def clips(channels):
    return ClipMaker(Recipe(get_layout('coco'), 6, [], [], 'CMD'), channels)


def test_an_encoder_of_x_and_y_takes_no_confidence_for_a_coordinate(pixels):
    found = clips(2)(0, from_array(pixels, 'one'))['keypoint']
    assert found.shape == (1, 6, 17, 2)
    assert not found[0, 1, 2].any()
    wanted = pixels[..., :2].copy()
    wanted[1, 2] = 0
    np.testing.assert_array_equal(found[0], wanted)


def test_an_encoder_of_three_coordinates_keeps_all_three(pixels):
    found = clips(3)(0, from_array(pixels, 'one'))['keypoint']
    np.testing.assert_array_equal(found[0], pixels)


def test_a_depth_is_not_removed(pixels):
    pixels[..., 2] += 2  # no confidence is above 1
    with pytest.raises(InputError, match='has 3 coordinates per joint, but the encoder takes 2'):
        clips(2)(0, from_array(pixels, 'one'))
