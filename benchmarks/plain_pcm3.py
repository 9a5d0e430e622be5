"""A step of PCM3 in plain code: four passes of the encoder one by one, and separate losses."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcmd.models import PCM3, BiGRU
from mmcmd.models.pretrainers.pcm3 import Draws

Encode = Callable[[BiGRU, Tensor], Tensor]
"""Function that runs an encoder on frames (N, T, F) and returns outputs (N, T, D). The F values
have the order (V, C, M)."""


def one_frame_at_a_time(encoder: BiGRU, frames: Tensor) -> Tensor:
    """Feed a bidirectional ``nn.GRU`` one frame at a time, as the released code does."""
    frames = encoder.input_norm(frames.transpose(1, 2)).permute(2, 0, 1)
    hidden, outputs = None, []
    for frame in frames:
        output, hidden = encoder.rnn(frame[None], hidden)
        outputs.append(output[0])
    return torch.stack(outputs, dim=1)


def one_pass_at_a_time(encoder: BiGRU, frames: Tensor) -> Tensor:
    """Run the encoder of this package on whole sequences."""
    joints, channels, persons = encoder.num_joints, encoder.in_channels, encoder.num_person
    views = frames.unflatten(2, (joints, channels, persons)).permute(0, 4, 1, 2, 3)
    return encoder.feature_map(views)[:, 0, :, :, 0].transpose(1, 2)


def plain_pcm3(
    model: PCM3, inputs: Tensor, draws: Draws, encode: Encode = one_frame_at_a_time
) -> dict[str, Tensor]:
    """Compute the losses of a step of PCM3 with one stream. Key encoder and queue are updated.

    Args:
        model (PCM3): Model with a recurrent encoder, and with all prompts or none.
        inputs (Tensor): Query, key and masked view, shape (N, 3, M, T, V, C).
        draws (Draws): Random record of the step.
        encode (Callable): Function that runs the encoder. Defaults to :func:`one_frame_at_a_time`.

    Returns:
        dict[str, Tensor]: Weighted losses by name. Without prompts there is no ``sim``.
    """
    (stream,) = model.streams
    prompts, queue = model.prompts[stream], model.queues[stream]
    prompted = stream in model.prompt_streams
    modality, mix, starts = model.encoders[stream].modality, draws.mix, draws.starts
    # Shape (N, T, F), with the values of a frame in the order of the released code.
    x1, x2, x3 = (modality(view).permute(0, 2, 3, 4, 1).flatten(2, 4) for view in inputs.unbind(1))
    batch, frames, width = x1.shape
    kept = torch.ones(frames, width)
    persons, (joints, channels) = inputs.shape[2], inputs.shape[4:]
    for joint in range(joints):
        for channel in range(channels):
            kept[:, (joint * channels + channel) * persons] = draws.kept[:, joint].float()
    partner = [(i + mix.shift) % batch for i in range(batch)]

    def embed(name: str, frames: Tensor, prompt: str, keys: bool = False) -> tuple[Tensor, Tensor]:
        """Return the outputs of all frames, and the L2-normalised embedding of the last frame."""
        encoders, necks = (
            (model.key_encoders, model.key_necks) if keys else (model.encoders, model.necks)
        )
        if prompted:
            frames = frames + getattr(prompts, prompt)
        outputs = encode(encoders[stream].backbone, frames)
        feature = outputs[:, -1]
        if prompted:
            feature = placed(feature, prompts.contrast, starts[name])
        neck = necks[stream]
        return outputs, F.normalize(neck.out(F.relu(neck.hidden(feature))), dim=1)

    def placed(feature: Tensor, prompt: Tensor, start: int) -> Tensor:
        half, size = feature.shape[-1] // 2, prompt.shape[1] // 2
        added = torch.zeros(feature.shape[-1], dtype=feature.dtype)
        added[start : start + size] = prompt[0, :size]
        added[half + start : half + start + size] = prompt[0, size:]
        return feature + added

    def decode(steps: Tensor) -> Tensor:
        decoder = model.decoders[stream]
        steps = decoder.bottleneck(steps.flatten(0, 1)).unflatten(0, steps.shape[:2])
        return decoder.out(decoder.rnn(steps.transpose(0, 1))[0].transpose(0, 1))

    _, q = embed('base', x1, 'base')
    masked = x3 * kept
    steps, qm = embed('mask', masked, 'mask')
    if prompted:
        steps = placed(steps, prompts.decode, starts['decode'])
        own = decode(steps.detach())
        prediction = decode(steps)
    else:
        prediction = decode(steps)
        own = prediction.detach()
    _, qr = embed('recons', (1 - kept) * own + kept * masked, 'recons')
    _, qx = embed('mix', mixed(x1, partner, draws, (joints, channels, persons)), 'mix')
    with torch.no_grad():
        follow(model.encoders[stream], model.key_encoders[stream], model.momentum)
        follow(model.necks[stream], model.key_necks[stream], model.momentum)
        _, k = embed('key', x2, 'base', keys=True)
        kx = F.normalize((1 - mix.weight) * k + mix.weight * k[partner], dim=1)

    keys = queue.queue.clone()
    losses = {
        'base': info_nce(q, k, keys),
        'mask': info_nce(qm, k, keys),
        'recons': info_nce(qr, k, keys),
        'mix': info_nce(qx, kx, keys),
    }
    hidden = (1 - kept).expand(batch, frames, width)
    error = ((prediction - x3).square() * hidden).sum() / hidden.sum()
    losses['mse'] = model.mse_weight * error
    if prompted:
        pairs = (k, q), (kx, qx), (k, qm), (k, qr)
        losses['sim'] = sum(divergence(teacher, student, keys) for teacher, student in pairs)
    start = int(queue.queue_ptr)
    slots = [(start + i) % queue.size for i in range(batch)]
    queue.queue[:, slots] = k.T
    queue.queue_ptr[0] = (start + batch) % queue.size
    return losses


def mixed(x: Tensor, partner: list[int], draws: Draws, shape: tuple[int, int, int]) -> Tensor:
    """Mix frames (N, T, F) sample by sample."""
    mix, out = draws.mix, x.clone()
    frames = x.shape[1]
    for i, other in enumerate(partner):
        if mix.choice <= 0.25:
            out[i] = (1 - mix.weight) * x[i] + mix.weight * x[other]
            continue
        region, source = out[i].unflatten(1, shape), x[other].unflatten(1, shape)
        first, end, joints = mix.first, mix.first + mix.length, list(mix.joints)
        taken = source[first:end]
        if mix.choice <= 0.5:
            span = min(2 * mix.length, frames)
            taken = source[[index * span // mix.length for index in range(mix.length)]]
        region[first:end, joints] = taken[:, joints]
    return out


def follow(query: nn.Module, key: nn.Module, momentum: float) -> None:
    """Move the key's parameters towards those of the query."""
    for q, k in zip(query.parameters(), key.parameters(), strict=True):
        k.copy_((1 - momentum) * k + momentum * q)


def info_nce(query: Tensor, key: Tensor, keys: Tensor, temperature: float = 0.07) -> Tensor:
    """Return the loss of finding the own key (N, D) among all keys (D, Q)."""
    own = (query * key).sum(dim=1, keepdim=True)
    logits = torch.cat([own, query @ keys], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.long))


def divergence(teacher: Tensor, student: Tensor, keys: Tensor) -> Tensor:
    """Return the KL divergence between the similarities of two embeddings (N, D) to keys (D, Q)."""
    target = F.softmax(teacher @ keys / 0.05, dim=1)
    return F.kl_div(F.log_softmax(student @ keys / 0.1, dim=1), target, reduction='batchmean')
