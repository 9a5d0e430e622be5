import torch

from mmcmd.models import JointPooling


def test_features_of_joints_are_joined_after_the_mean_over_persons_and_time():
    feature_map = torch.randn(2, 2, 3, 4, 5)
    found = JointPooling().eval()(feature_map)
    expected = [feature_map[1, :, :, :, joint].mean(dim=(0, 2)) for joint in range(5)]
    assert torch.allclose(found[1], torch.cat(expected), atol=1e-6)


def test_only_valid_steps_are_averaged():
    feature_map = torch.randn(2, 1, 3, 4, 5)
    found = JointPooling().eval()(feature_map, torch.tensor([4, 2]))
    assert torch.allclose(found[0], JointPooling().eval()(feature_map)[0], atol=1e-6)
    assert torch.allclose(found[1], JointPooling().eval()(feature_map[:, :, :, :2])[1], atol=1e-6)


def test_dropout_is_for_training_alone():
    feature_map, pooling = torch.ones(1, 1, 3, 4, 5), JointPooling(dropout=0.5)
    assert torch.equal(pooling.eval()(feature_map), torch.ones(1, 15))
    assert not torch.equal(pooling.train()(feature_map), torch.ones(1, 15))
