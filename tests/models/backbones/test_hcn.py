"""HCN needs clips of one length, and takes the maximum over persons."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models import HCN, SkeletonEncoder


def make(**options):
    torch.manual_seed(0)
    return HCN(**{'clip_len': 16, 'channels': 8, **options})


def test_default_size_is_the_released_one():
    with torch.device('meta'):
        model = HCN()
    assert model.out_channels == 4096
    assert model.position.joints.weight.shape == (32, 25, 3, 3), 'joints are the channels'
    assert model.last.weight.shape == (256, 128, 3, 3)


@pytest.mark.parametrize(('clip_len', 'size'), [(16, 32), (32, 128), (40, 128)])
def test_size_of_the_feature_follows_the_clip(clip_len, size):
    encoder = SkeletonEncoder({'type': 'HCN', 'clip_len': clip_len, 'channels': 8}, layout='coco')
    feature = encoder(torch.randn(2, 2, clip_len, 17, 3))
    assert feature.shape == (2, size) == (2, encoder.feature_size())


def test_motion_is_resized_to_the_clip_with_half_pixel_centres():
    model, seen = make().eval(), []
    model.motion.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    joints = torch.randn(1, 1, 16, 25, 3)
    model(joints)
    differences = joints[0, 0, 1:] - joints[0, 0, :-1]  # (15, V, C)
    expected = []
    for t in range(16):
        place = min(max((t + 0.5) * 15 / 16 - 0.5, 0), 14)
        low = int(place)
        high = min(low + 1, 14)
        expected.append(differences[low] + (place - low) * (differences[high] - differences[low]))
    torch.testing.assert_close(seen[0][0], torch.stack(expected).permute(2, 0, 1))


def test_order_of_the_persons_does_not_matter():
    model, joints = make().eval(), torch.randn(2, 2, 16, 25, 3)
    assert torch.equal(model(joints), model(joints.flip(1)))
    assert not torch.equal(model(joints), model(joints.flip(2)))


def test_dropout_is_on_in_training_alone():
    model, joints = make(), torch.randn(2, 2, 16, 25, 3)
    assert not torch.equal(model.train()(joints), model(joints))
    assert torch.equal(model.eval()(joints), model(joints))


def test_clip_that_does_not_fit_is_told():
    with pytest.raises(InputError, match='16 frames or more, but clip_len=15'):
        make(clip_len=15)
    with pytest.raises(InputError, match='clips of 16 frames but got 20; set clip_len'):
        make()(torch.zeros(1, 2, 20, 25, 3))
    encoder = SkeletonEncoder({'type': 'HCN', 'clip_len': 16})
    with pytest.raises(InputError, match='frames are all valid; use TemporalCropResize'):
        encoder(torch.zeros(1, 2, 16, 25, 3), torch.tensor([8]))
