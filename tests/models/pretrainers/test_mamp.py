"""MAMP equals plain loops, and refuses wrong input."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.registry import MODELS

BACKBONE = {'type': 'SkeletonTransformer', 'clip_len': 8, 'patch_frames': 2, 'embed_dims': 12}
BACKBONE |= {'depth': 2, 'num_heads': 3}
DECODER = {'embed_dims': 8, 'depth': 1, 'num_heads': 2}


@pytest.fixture
def make():
    """Return a function: options -> a tiny MAMP with the same weights each time."""

    def build(**options):
        torch.manual_seed(0)
        config = {'type': 'MAMP', 'modalities': ['joint'], 'backbone': BACKBONE}
        return MODELS.build({**config, 'decoder': DECODER, 'masking': {'ratio': 0.8}, **options})

    return build


@pytest.fixture
def inputs():
    """Return a view (N, 1, M, T, V, C). Its second sample has no second person."""
    joints = torch.randn(2, 1, 2, 8, 25, 3, generator=torch.Generator().manual_seed(0))
    joints[1, :, 1] = 0
    return joints


def test_loss_is_the_error_of_the_removed_tokens(make, inputs):
    model = make()
    uniform = torch.rand(4, 100, generator=torch.Generator().manual_seed(1))
    found = model.prediction_error('joint', inputs[:, 0], uniform)
    persons = inputs[:, 0].flatten(0, 1)
    patches = persons.view(4, 4, 2, 25, 3).transpose(2, 3).flatten(3)
    keep, removed = model.masking(patches, uniform)
    backbone, decoder = model.encoders['joint'].backbone, model.decoders['joint']
    errors = []
    for person in range(4):
        tokens = backbone.patch_embed(patches[person].flatten(0, 1)) + backbone.positions(4)
        tokens = tokens[keep[person]][None]
        for block in backbone.blocks:
            tokens = block(tokens)
        visible = decoder.embed(backbone.norm(tokens))[0]
        everything = decoder.mask_token[0].repeat(100, 1)
        for place, token in zip(keep[person].tolist(), visible, strict=True):
            everything[place] = token
        everything = (everything + decoder.positions(4))[None]
        prediction = decoder.out(decoder.norm(decoder.blocks[0](everything)))[0]
        for token in range(100):
            if token in keep[person]:
                continue
            step, joint = divmod(token, 25)
            frames = range(2 * step, 2 * step + 2)
            x = persons[person, :, joint]
            motion = torch.cat([x[t + 1] - x[t] if t < 7 else 0 * x[t] for t in frames])
            target = (motion - motion.mean()) / (motion.var() + 1e-6).sqrt()
            errors.append((prediction[token] - target).square().mean())
    assert len(errors) == removed.sum() == 4 * 81
    assert found.item() == pytest.approx(torch.stack(errors).mean().item(), rel=1e-5)


def test_each_step_has_masks_of_its_own_and_a_resumed_one_has_the_same(make, inputs):
    model, losses = make(), []
    for seed in (0, 1, 0):
        model.set_progress(0, 0.0, seed)
        losses.append(model(inputs, mode='loss')['loss_joint'].item())
    assert losses[0] == losses[2] != losses[1]


def test_encoder_sees_only_the_tokens_that_stay(make, inputs, monkeypatch):
    model, seen = make(), []
    blocks = model.encoders['joint'].backbone.blocks
    blocks[0].register_forward_hook(lambda _, args, __: seen.append(args[0].shape))
    model(inputs, mode='loss')
    assert seen == [(4, 19, 12)]  # int(100 * (1 - 0.8)), in floating point


def test_streams_have_losses_and_decoders_of_their_own(make, inputs):
    model = make(modalities=['joint', 'bone'])
    losses = model(inputs, mode='loss')
    assert set(losses) == {'loss_joint', 'loss_bone'}
    losses['loss_bone'].backward()
    trained = {n.split('.')[1] for n, x in model.named_parameters() if x.grad is not None}
    assert trained == {'bone'}


def test_checkpointing_gives_the_same_gradients(make, inputs):
    gradients = []
    for with_cp in (False, True):
        model = make(
            backbone=BACKBONE | {'with_cp': with_cp}, decoder=DECODER | {'with_cp': with_cp}
        )
        model.set_progress(0, 0.0, 3)
        model(inputs, mode='loss')['loss_joint'].backward()
        gradients.append([x.grad for x in model.parameters()])
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*gradients, strict=True))


def test_encoder_without_tokens_is_refused(make):
    with pytest.raises(InputError, match=r'MAMP removes tokens, which BiGRU of stream .joint.'):
        make(backbone={'type': 'BiGRU', 'hidden_size': 4})


def test_views_that_the_pipeline_does_not_make_are_refused(make, inputs):
    with pytest.raises(InputError, match='MAMP takes 1 view'):
        make()(inputs.expand(-1, 2, -1, -1, -1, -1), mode='loss')
