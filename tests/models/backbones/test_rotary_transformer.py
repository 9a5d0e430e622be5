"""The transformer with a class token: masks, absent persons, lengths and codes of time."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models import RotaryTransformer
from mmcmd.models.backbones.transformer_blocks import rotary_codes, rotate_pairs

SIZES = {'clip_len': 8, 'patch_frames': 2, 'embed_dims': 16, 'depth': 3, 'num_heads': 2}


@pytest.fixture
def make():
    """Return a function: options -> a tiny encoder whose learnt tokens are not near 0."""

    def build(**options):
        torch.manual_seed(0)
        backbone = RotaryTransformer(**SIZES | options)
        for name, parameter in backbone.named_parameters():
            if 'norm' not in name:
                torch.nn.init.normal_(parameter, std=0.3)
        return backbone.eval()

    return build


@pytest.fixture
def joints():
    """Return two sequences; the second has one person."""
    joints = torch.randn(2, 2, 8, 25, 3, generator=torch.Generator().manual_seed(0))
    joints[1, 1] = 0
    return joints


def test_map_holds_class_and_patch_tokens_and_absent_persons_are_zero(make, joints):
    backbone = make()
    found = backbone(joints)
    assert found.shape == (2, 2, 32, 4, 25)
    assert not found[1, 1].any()
    classes, patches = backbone.encode(joints)
    first = found[0, 1]
    torch.testing.assert_close(first[:16, 2, 7], classes[1])
    torch.testing.assert_close(first[16:, 2, 7], patches[1, 2 * 25 + 7])


def test_class_tokens_of_more_blocks_come_first_and_patches_may_be_left_out(make, joints):
    backbone, more = make(), make(class_layers=2, with_patches=False)
    found = more(joints)
    assert found.shape == (2, 2, 32, 1, 1)
    assert more.out_channels == 32
    torch.testing.assert_close(found[:, :, 16:, 0, 0], backbone(joints)[:, :, :16, 0, 0])
    assert not torch.equal(found[0, 0, :16], found[0, 0, 16:])


def test_values_of_masked_tokens_are_not_seen_but_their_places_are(make, joints):
    backbone = make()
    masked = torch.zeros(4, 100, dtype=torch.bool)
    masked[:, 25:50] = True  # the second step
    other = joints.clone()
    other[:, :, 2:4] += 1
    first, second = (backbone.encode(x, masked) for x in (joints, other))
    torch.testing.assert_close(first, second)
    assert not torch.allclose(first[0], backbone.encode(joints)[0])
    tokens = first[1][0, 25:50]
    assert not torch.allclose(tokens[0], tokens[1])


def test_clips_of_any_length_are_encoded(make, joints):
    backbone = make()
    for frames in (2, 4, 8, 12):
        clip = joints[:, :, [*range(8), *range(8)][:frames]]
        assert backbone(clip).shape[3] == frames // 2


def test_attention_depends_on_distances_of_time_alone():
    query, key = torch.randn(2, 1, 1, 1, 6, generator=torch.Generator().manual_seed(0))

    def product(one, two):
        codes = rotary_codes(torch.tensor([one, two], dtype=torch.float32), 6)
        turned = (rotate_pairs(x, codes[:, i : i + 1]) for i, x in enumerate((query, key)))
        return (next(turned) * next(turned)).sum()

    torch.testing.assert_close(product(2, 5), product(4, 7))
    torch.testing.assert_close(product(3, 3), (query * key).sum())
    assert not torch.allclose(product(2, 5), product(2, 6))


def test_angles_are_those_of_the_paper():
    cos, sin = rotary_codes(torch.tensor([0.0, 3.0]), 4)
    assert cos[0].tolist() == [1] * 4
    assert sin[0].tolist() == [0] * 4
    angles = torch.tensor([3.0, 3 * 10000**-0.5] * 2)
    torch.testing.assert_close(cos[1], angles.cos())
    torch.testing.assert_close(sin[1], angles.sin())


def test_activation_checkpointing_changes_no_gradient(make, joints):
    gradients = []
    for with_cp in (False, True):
        backbone = make(with_cp=with_cp)
        backbone(joints).square().mean().backward()
        gradients.append([x.grad for x in backbone.parameters() if x.grad is not None])
    for first, second in zip(*gradients, strict=True):
        torch.testing.assert_close(first, second)


def test_layers_of_parameters_rise_from_the_embedding_to_the_last_norm(make):
    backbone = make()
    layers = {name: backbone.layer_of(name) for name, _ in backbone.named_parameters()}
    assert {layers[x] for x in ('class_token', 'registers', 'mask_token', 'positions')} == {0}
    assert layers['patch_embed.weight'] == 0
    assert layers['blocks.1.mlp.inner.weight'] == 2
    assert layers['norm.weight'] == 4


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'patch_frames': 3}, 'a clip of 8 frames cannot be cut into patches of 3 frames'),
        ({'num_heads': 16}, '16 heads do not divide a width of 16 into parts of an even size'),
        ({'class_layers': 4}, 'class_layers=4 of the backbone must be between 1 and the depth, 3'),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


@pytest.mark.parametrize(
    ('shape', 'message'),
    [
        ((1, 2, 7, 25, 3), 'a clip of 7 frames cannot be cut into patches of 2'),
        ((1, 2, 8, 20, 3), 'RotaryTransformer was built for 25 joints but got 20'),
    ],
)
def test_clips_that_do_not_fit_are_refused(make, shape, message):
    with pytest.raises(InputError, match=message):
        make()(torch.zeros(shape))
