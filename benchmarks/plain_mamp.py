"""A step of MAMP in plain code with explicit attention, as in the released code."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcmd.models import MAMP
from mmcmd.models.backbones.transformer_blocks import Block


def explicit_attention(block: Block, tokens: Tensor) -> Tensor:
    """Run the attention of a block on tokens (B, L, D), with the matrix of all pairs of tokens."""
    attention = block.attention
    batch, length, width = tokens.shape
    heads = attention.num_heads
    qkv = attention.qkv(tokens).reshape(batch, length, 3, heads, width // heads)
    query, key, value = qkv.permute(2, 0, 3, 1, 4)
    weights = (query @ key.transpose(-2, -1) * (width // heads) ** -0.5).softmax(dim=-1)
    return attention.out((weights @ value).transpose(1, 2).reshape(batch, length, width))


def run_blocks(blocks: nn.ModuleList, tokens: Tensor) -> Tensor:
    """Run blocks without stochastic depth on tokens (B, L, D)."""
    for block in blocks:
        tokens = tokens + explicit_attention(block, block.norm1(tokens))
        tokens = tokens + block.mlp(block.norm2(tokens))
    return tokens


def plain_mamp(model: MAMP, joints: Tensor, uniform: Tensor) -> Tensor:
    """Compute the loss of MAMP for one joint stream, with the weights of a model.

    Args:
        model (MAMP): Model with motion-aware masks. Its target is the motion of one frame.
        joints (Tensor): Shape (N, M, T, V, C).
        uniform (Tensor): Random numbers of the mask, shape (N M, T' V).

    Returns:
        Tensor: Shape ().
    """
    (stream,) = model.streams
    backbone, decoder = model.encoders[stream].backbone, model.decoders[stream]
    frames, steps = backbone.patch_frames, joints.shape[2] // backbone.patch_frames
    x = joints.flatten(0, 1)
    batch, _, num_joints, channels = x.shape

    def cut(values: Tensor) -> Tensor:
        patches = values.reshape(batch, steps, frames, num_joints, channels)
        return patches.permute(0, 1, 3, 2, 4).reshape(batch, steps, num_joints, frames * channels)

    patches = cut(x)
    motion = torch.zeros_like(patches)
    motion[:, 1:] = (patches[:, 1:] - patches[:, :-1]).abs()
    motion[:, 0] = motion[:, 1]
    motion = motion.mean(dim=3).flatten(1)
    weights = motion / (model.masking.tau * motion.max(dim=1, keepdim=True).values + 1e-10)
    noise = weights.softmax(dim=1).log() - (-(uniform + 1e-10).log() + 1e-10).log()
    order = noise.argsort(dim=1)
    restore = order.argsort(dim=1)
    kept = int(order.shape[1] * (1 - model.masking.ratio))
    keep = order[:, :kept]
    removed = torch.ones_like(noise)
    removed[:, :kept] = 0
    removed = removed.gather(1, restore)

    image = x.permute(0, 3, 1, 2)
    embed = F.conv2d(image, backbone.patch_embed.weight, backbone.patch_embed.bias, (frames, 1))
    tokens = embed.permute(0, 2, 3, 1) + backbone.positions.joints + backbone.positions.steps
    tokens = tokens.flatten(1, 2)
    tokens = tokens.gather(1, keep[..., None].expand(-1, -1, tokens.shape[2]))
    tokens = decoder.embed(backbone.norm(run_blocks(backbone.blocks, tokens)))
    hidden = decoder.mask_token.expand(batch, order.shape[1] - kept, -1)
    tokens = torch.cat([tokens, hidden], dim=1)
    tokens = tokens.gather(1, restore[..., None].expand(-1, -1, tokens.shape[2]))
    codes = decoder.positions.joints + decoder.positions.steps
    tokens = tokens + codes.flatten(1, 2)
    prediction = decoder.out(decoder.norm(run_blocks(decoder.blocks, tokens)))

    target = torch.zeros_like(x)
    target[:, :-1] = x[:, 1:] - x[:, :-1]
    target = cut(target).flatten(1, 2)
    spread = (target.var(dim=2, keepdim=True) + 1e-6).sqrt()
    error = (prediction - (target - target.mean(dim=2, keepdim=True)) / spread).square()
    return (error.mean(dim=2) * removed).sum() / removed.sum()
