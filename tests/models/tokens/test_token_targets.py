"""The targets that are predicted for a token."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models.tokens import JointTarget, MotionTarget, masked_token_error, patchify


@pytest.fixture
def joints():
    return torch.randn(2, 2, 8, 3, 3, generator=torch.Generator().manual_seed(0))


def test_patch_has_frames_and_coordinates_of_one_joint(joints):
    patches = patchify(joints, 4)
    assert patches.shape == (4, 2, 3, 12)
    assert torch.equal(patches[3, 1, 2], joints[1, 1, 4:, 2].flatten())  # second person


def test_patch_that_does_not_divide_the_clip_is_refused(joints):
    with pytest.raises(InputError, match='8 frames cannot be cut into patches of 3 frames; set'):
        patchify(joints, 3)


def test_motion_spans_the_stride_and_ends_with_zeros(joints):
    found = MotionTarget(stride=2, normalize=False)(joints, 4).view(4, 2, 3, 4, 3)
    assert torch.equal(found[0, 0, 1], joints[0, 0, 2:6, 1] - joints[0, 0, :4, 1])
    assert found[:, 1, :, 2:].abs().max() == 0


def test_patches_are_standardised_with_the_unbiased_variance(joints):
    found = JointTarget()(joints, 4)
    patch = joints[0, 1, 4:, 2].flatten()
    expected = (patch - patch.mean()) / (patch.var(unbiased=True) + 1e-6).sqrt()
    assert torch.allclose(found[1, 5], expected, atol=1e-6)


def test_error_is_that_of_the_removed_tokens_alone():
    prediction, target = torch.zeros(1, 3, 2), torch.tensor([[[1.0, 3.0], [9, 9], [2, 0]]])
    removed = torch.tensor([[True, False, True]])
    assert masked_token_error(prediction, target, removed).item() == pytest.approx((5 + 2) / 2)


def test_stride_of_zero_is_refused():
    with pytest.raises(InputError, match='stride=0 of MotionTarget must be at least 1'):
        MotionTarget(stride=0)
