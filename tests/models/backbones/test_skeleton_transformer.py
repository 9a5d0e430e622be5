"""The transformer as a backbone, and the effect of its options."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models import SkeletonTransformer
from mmcmd.models.backbones.transformer_blocks import SpaceTimePositions

SIZES = dict(num_joints=5, clip_len=8, patch_frames=2, embed_dims=12, depth=2, num_heads=3)


@pytest.fixture
def joints():
    return torch.randn(2, 2, 8, 5, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def make():
    """Return a function: options -> a small transformer with the same weights each time."""

    def build(**options):
        torch.manual_seed(0)
        return SkeletonTransformer(**{**SIZES, **options})

    return build


def test_map_has_persons_steps_and_joints(make, joints):
    backbone = make()
    found = backbone(joints)
    assert found.shape == (2, 2, 12, 4, 5)
    alone = backbone(joints[1:, 1:])
    assert torch.allclose(found[1:, 1:], alone, atol=1e-6)  # persons are encoded one by one


def test_embedding_is_a_convolution_of_frames(make, joints):
    embed = make().patch_embed
    image = joints.flatten(0, 1).permute(0, 3, 1, 2)
    expected = torch.nn.functional.conv2d(image, embed.weight, embed.bias, stride=(2, 1))
    patches = joints.flatten(0, 1).unflatten(1, (4, 2)).transpose(2, 3).flatten(3)
    assert torch.allclose(embed(patches), expected.permute(0, 2, 3, 1), atol=1e-6)


def test_blocks_are_those_of_a_plain_restatement(make):
    block = make().blocks[0]
    tokens = torch.randn(2, 7, 12)
    normed = block.norm1(tokens)
    query, key, value = (block.attention.qkv(normed)[..., 12 * i : 12 * i + 12] for i in range(3))
    mixed = []
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        scores = query[..., part] @ key[..., part].transpose(1, 2) * 4**-0.5
        mixed.append(scores.softmax(dim=2) @ value[..., part])
    middle = tokens + block.attention.out(torch.cat(mixed, dim=2))
    first, gelu, second = block.mlp
    expected = middle + second(gelu(first(block.norm2(middle))))
    assert torch.allclose(block(tokens), expected, atol=1e-5)


def test_all_tokens_kept_in_another_order_are_the_same_tokens(make, joints):
    backbone = make()
    keep = torch.stack([torch.randperm(20) for _ in range(4)])
    found = backbone.tokens(joints, keep)
    expected = backbone.tokens(joints).gather(1, keep[..., None].expand(-1, -1, 12))
    assert torch.allclose(found, expected, atol=1e-5)


def test_tokens_that_are_left_out_change_nothing(make, joints):
    backbone = make()
    keep = torch.tensor([[3, 0, 7]]).expand(4, -1)
    expected = backbone.tokens(joints, keep)
    joints[:, :, 6:] = 9  # step 3, which has the tokens 15 to 19
    assert torch.equal(backbone.tokens(joints, keep), expected)


def test_checkpointing_gives_the_same_gradients(make, joints):
    gradients = []
    for with_cp in (False, True):
        backbone = make(with_cp=with_cp, drop_path_rate=0.5).train()
        torch.manual_seed(1)
        backbone(joints).square().mean().backward()
        gradients.append([x.grad for x in backbone.parameters()])
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*gradients, strict=True))


def test_stochastic_depth_grows_from_zero_and_rests_in_evaluation(make, joints):
    backbone = make(drop_path_rate=0.9, depth=3)
    rates = [getattr(block.drop_path, 'drop_prob', 0) for block in backbone.blocks]
    assert rates == pytest.approx([0, 0.45, 0.9])
    assert not torch.equal(backbone.train()(joints), backbone(joints))
    assert torch.equal(backbone.eval()(joints), make(depth=3).eval()(joints))


def test_codes_of_time_are_resized_for_clips_of_another_length():
    codes = SpaceTimePositions(4, 5, 12)
    steps = torch.linspace(0, 1, 4)[:, None].expand(-1, 12)
    codes.steps.data.copy_(steps[None, :, None])
    codes.joints.data.zero_()
    found = codes(8).view(8, 5, 12)
    assert found.shape == (8, 5, 12)
    assert (found[:, 0, 0].diff() > 0)[1:-1].all()
    assert torch.equal(codes(4), steps.repeat_interleave(5, dim=0))


def test_initial_weights_are_the_released_ones(make):
    backbone = make(embed_dims=96, num_joints=25, clip_len=120, num_heads=4)
    weight = backbone.blocks[0].mlp[0].weight
    limit = (6 / sum(weight.shape)) ** 0.5
    assert weight.abs().max() <= limit
    assert weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.05)
    assert all(x.abs().max() == 0 for n, x in backbone.blocks.named_parameters() if 'bias' in n)
    assert backbone.positions.joints.std().item() == pytest.approx(0.02, rel=0.1)


def test_layers_are_counted_from_the_embedding(make):
    names = ['patch_embed.weight', 'positions.steps', 'blocks.0.norm1.bias', 'blocks.1.mlp.0.bias']
    assert [make().layer_of(x) for x in [*names, 'norm.weight']] == [0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'patch_frames': 3}, 'set model.backbone.patch_frames to a number that divides clip_len'),
        ({'num_heads': 5}, '5 heads do not divide a width of 12'),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


def test_clip_that_patches_do_not_divide_is_refused(make, joints):
    with pytest.raises(InputError, match='a clip of 7 frames cannot be cut'):
        make()(joints[:, :, :7])


def test_other_joints_are_refused(make, joints):
    with pytest.raises(InputError, match='built for 5 joints but got 4; set num_joints'):
        make()(joints[:, :, :, :4])
