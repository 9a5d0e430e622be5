import torch

from mmcmd.models import ProjectionNeck


def test_projection_is_linear_relu_linear_of_the_input_s_width():
    neck = ProjectionNeck(in_channels=6, out_channels=3)
    x = torch.randn(4, 6)
    hidden = (x @ neck.hidden.weight.T + neck.hidden.bias).clamp(min=0)
    torch.testing.assert_close(neck(x), hidden @ neck.out.weight.T + neck.out.bias)
    assert neck.hidden.weight.shape == (6, 6)
    assert ProjectionNeck(6, 3, hidden_channels=5).hidden.weight.shape == (5, 6)
