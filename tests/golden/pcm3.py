"""PCM3 against recordings of its released code."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmcmd.datasets.transforms import shear
from mmcmd.models.masking import BodyPartMask, first_person_alone
from mmcmd.models.mixing import Mix, mix_samples
from mmcmd.models.modalities import build_modality
from mmcmd.models.pretrainers import pcm3
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, absolute_or_relative, different, relative
from tests.golden.training import (
    build,
    calls,
    compare_states,
    features,
    head_calls,
    head_logits,
    optimizer_of,
)
from tests.golden.transforms import corrupt

BOUNDS = {
    'losses': (1e-4, relative),
    'gradient norms': (1e-3, relative),
    'no gradient': (1e-5, absolute),
    'logits': (1e-4, absolute_or_relative),
    'prediction': (1e-4, absolute),
    'states': (1e-4, absolute),
    'features': (1e-4, absolute),
}
TRANSFORMS = {
    'mixing': (1e-5, absolute),
    'masks': (0, different),
    'transforms': (1e-5, absolute),
    'modalities': (1e-5, absolute),
}
NONE = 1e-5
"""A recorded gradient norm below this is only a rounding error."""

LOSSES = {'base': '', 'mix': 'mix_', 'recons': 'recons_', 'mask': 'mask_', 'mse': 'mse_'}
GROUPS = {
    'encoder.norm': ('encoders', ('backbone.input_norm',)),
    'encoder.rnn': ('encoders', ('backbone.rnn',)),
    'encoder.projection': ('necks', ('',)),
    'reconstruction.projection': ('decoders', ('bottleneck',)),
    'reconstruction.decoder': ('decoders', ('rnn', 'out')),
    'cl_prompt': ('prompts', ('contrast',)),
    'mp_prompt': ('prompts', ('decode',)),
    **{f'{name}_prompt': ('prompts', (name,)) for name in ('base', 'mask', 'recons', 'mix')},
}
"""Recorded groups of parameters, and their place in our model."""


def run_pcm3(recording: Recording, **options: Any) -> Report:
    """Run PCM3, with or without prompts.

    Args:
        recording (Recording): ``pcm3_train.npz`` or ``pcm3_noprompt_bone_train.npz``.
        **options: Options of the model and of its distillation head, in place of the recorded
            ones.
    """
    bounds = recording.precision.bounds_of(BOUNDS)
    report, config = Report(bounds, required=bounds), recording.config
    stream, prompted = config['stream'], config['prompts']
    temperatures = {
        'teacher_temperature': options.pop('teacher_temperature', config['teacher']),
        'student_temperature': options.pop('student_temperature', config['student']),
    }
    options = {
        'momentum': 1 - config['key_keeps'],
        'similarity_head': {'type': 'SimilarityHead', **temperatures},
        'mse_weight': config['mse_weight'],
        'prompt_streams': [stream] if prompted else [],
        **options,
    }
    model, _ = build(recording, 'pcm3', 'PCM3', stream, **options)
    settings = {**config, 'sgd_momentum': config['momentum']}
    optimizer = optimizer_of(model, settings)
    for index, expected in enumerate(recording['losses']):
        model.draw = lambda *_, index=index: draws_of(recording, index)
        with head_calls(model) as heads, calls(pcm3, 'masked_mse') as errors:
            found = model(recording.views(index), mode='loss')
        losses, total = _losses(model, found)
        recorded = dict(zip(recording['loss_names'], expected, strict=True))
        for name, loss in {**losses, 'total': total}.items():
            report.add('losses', f'{name} of losses[{index}]', loss, recorded[name])
        if not index:
            _compare_first_step(report, recording, model, losses, heads, errors)
        optimizer.zero_grad()
        with torch.autocast(total.device.type, enabled=False):  # as a runner does
            total.backward()
        norms = [_norm(x.grad for x in group) for group in _groups(model)]
        _compare_gradients(report, f'grad_norms[{index}]', norms, recording['grad_norms'][index])
        optimizer.step()
    compare_states(report, model, recording.state('final', 'pcm3', stream))
    if len(recording['views']):
        found = features(model, recording.views(0)[:, 2], stream)
        report.add('features', 'feature', found, recording['feature'])
    return report


def draws_of(recording: Recording, index: int) -> pcm3.Draws:
    """Return the random record of the authors' code in a step."""
    starts = {}
    if 'prompt_start' in recording.arrays:
        names = ('base', 'decode', 'mask', 'recons', 'mix', 'key')
        starts = dict(zip(names, recording['prompt_start'][index].tolist(), strict=True))
    starts = dict.fromkeys((*pcm3.QUERIES, 'key', 'decode'), 0) | starts
    kept = torch.from_numpy(recording['kept'][index])
    return pcm3.Draws(kept, mix_of(recording, index), starts)


def mix_of(recording: Recording, index: int) -> Mix:
    """Return how the authors' code mixed the samples of a step."""
    return Mix(
        choice=float(recording['mix_draw'][index]),
        shift=int(recording['mix_shift'][index]),
        joints=tuple(np.flatnonzero(recording['mix_joints'][index]).tolist()),
        first=int(recording['mix_first'][index]),
        length=int(recording['mix_length'][index]),
        weight=float(recording['mix_lambda'][index]),
    )


def _losses(model: nn.Module, found: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
    """Return the losses under their recorded names, without weights, and their weighted sum."""
    (stream,) = model.streams
    total, _ = model.parse_losses(found)
    losses = {name: found[f'loss_{ours}{stream}'] for name, ours in LOSSES.items()}
    losses['mse'] = losses['mse'] / model.mse_weight
    if f'loss_sim_{stream}' in found:
        losses['sim'] = found[f'loss_sim_{stream}']
    return losses, total


def _groups(model: nn.Module) -> list[list[nn.Parameter]]:
    """Return the parameters of each recorded group, in the order of :data:`GROUPS`."""
    (stream,) = model.streams
    named = dict(model.named_parameters())
    begins = [tuple(f'{part}.{stream}.{x}' for x in own) for part, own in GROUPS.values()]
    return [[x for name, x in named.items() if name.startswith(begin)] for begin in begins]


def _norm(gradients: Any) -> float:
    """Return the norm of all gradients together; 0 if there are none."""
    return sum((x.norm().item() ** 2 for x in gradients if x is not None), 0.0) ** 0.5


def _compare_gradients(
    report: Report, array: str, found: list[float], expected: np.ndarray
) -> None:
    """Compare gradient norms of the groups. Those that should be zero have their own bound."""
    for group, ours, theirs in zip(GROUPS, found, expected, strict=True):
        kind = 'no gradient' if theirs < NONE else 'gradient norms'
        report.add(kind, f'{group} of {array}', ours, theirs)


def _compare_first_step(
    report: Report,
    recording: Recording,
    model: nn.Module,
    losses: dict[str, Tensor],
    heads: list[tuple],
    errors: list[tuple],
) -> None:
    """Compare logits, prediction, and the gradient of each single loss by group."""
    for name, seen in zip(pcm3.QUERIES, heads, strict=True):
        array = f'step0/logits_{name}'
        report.add('logits', array, head_logits(model, seen), recording[array])
    (((prediction, *_), _),) = errors
    expected = recording['step0/reconstruction'].transpose(0, 4, 2, 3, 1)
    report.add('prediction', 'step0/reconstruction', prediction, expected)
    groups = _groups(model)
    parameters = [x for group in groups for x in group]
    for name, row in zip(recording['loss_names'], recording['grad_table'], strict=False):
        if name in losses:
            found = torch.autograd.grad(
                losses[name], parameters, retain_graph=True, allow_unused=True
            )
            by_parameter = dict(zip(map(id, parameters), found, strict=True))
            norms = [_norm(by_parameter[id(x)] for x in group) for group in groups]
            _compare_gradients(report, f'grad_table/{name}', norms, row)


def run_pcm3_transforms(recording: Recording) -> Report:
    """Run mixing, masks, augmentations and modalities of PCM3.

    Args:
        recording (Recording): ``pcm3_transforms.npz``.
    """
    report = Report(TRANSFORMS, required=TRANSFORMS)
    x = recording['x'].transpose(0, 4, 2, 3, 1)  # (N, M, T, V, C)
    for index, expected in enumerate(recording['mix_out']):
        found = mix_samples(torch.from_numpy(x), mix_of(recording, index))
        report.add('mixing', f'mix_out[{index}]', found, expected.transpose(0, 4, 2, 3, 1))
    _compare_masks(report, recording)
    first = np.ascontiguousarray(x[0])
    found = [shear(first, matrix) for matrix in recording['shear_matrix']]
    expected = recording['shear_out'].transpose(0, 4, 2, 3, 1)
    report.add('transforms', 'shear_out', found, expected)
    corrupted = zip(recording['corrupt_joints'], recording['corrupt_matrix'], strict=True)
    found = [
        corrupt(first, np.flatnonzero(joints), None if np.isnan(matrix).any() else matrix)
        for joints, matrix in corrupted
    ]
    expected = recording['corrupt_out'].transpose(0, 4, 2, 3, 1)
    report.add('transforms', 'corrupt_out', found, expected)
    for name in ('motion', 'bone'):
        found = build_modality(name, 'ntu')(torch.from_numpy(x[:2]))
        expected = recording[f'stream_{name}'].transpose(0, 4, 2, 3, 1)
        report.add('modalities', f'stream_{name}', found, expected)
    return report


def _compare_masks(report: Report, recording: Recording) -> None:
    """Compare body parts, and the masks of the recorded parts."""
    theirs = [tuple(x[x >= 0].tolist()) for x in recording['part_joints']]
    mask = BodyPartMask('ntu')
    same = {frozenset(x) for x in theirs} == {frozenset(x) for x in mask.parts}
    report.add('masks', 'part_joints', same, True)
    mask.parts = theirs  # the recorded draws number the parts in the released order
    for index, parts in enumerate(recording['mask_parts']):
        expected = recording['mask_kept'][index]  # (T, M, V)
        kept = mask.kept(torch.from_numpy(parts), len(expected))
        found = first_person_alone(kept, expected.shape[1])[..., 0].transpose(0, 1)
        report.add('masks', f'mask_kept[{index}]', found, expected)
