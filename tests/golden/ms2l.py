"""MS2L against recordings of its released code."""

from typing import Any

import numpy as np
import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from mmcmd.engine import GroupClipConstructor
from mmcmd.io.authors import model_sizes
from mmcmd.models.temporal_tasks import TemporalJigsaw, mask_tail
from mmcmd.registry import MODELS
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, different, relative
from tests.golden.training import compare_states

BOUNDS = {
    'losses': (1e-4, relative),
    'accuracy': (0, different),
    'gradient norms': (1e-3, relative),
    'states': (1e-4, absolute),
    'features': (1e-4, absolute),
}
TRANSFORMS = {'transforms': (1e-5, absolute), 'orders': (0, different)}
PARTS = ('encoders', 'decoders', 'jigsaw_heads', 'contrast_heads')


def run_ms2l(recording: Recording, **options: Any) -> Report:
    """Run MS2L with the recorded orders of the segments.

    Args:
        recording (Recording): ``ms2l_train.npz``.
        **options: Options of the model, in place of the recorded ones, and ``clip_by``.
    """
    config = recording.config
    # If a gradient is zero, Adam amplifies its rounding error to a step as large as the rate.
    noise = {'states behind a BatchNorm': (4 * config['lr'], absolute)}
    bounds = recording.precision.bounds_of(BOUNDS | noise)
    report = Report(bounds, required=bounds)
    clip = {'clip_by': options.pop('clip_by', 'part')}
    model = _build(recording, **options)
    wrapper = GroupClipConstructor(
        {
            'type': 'OptimWrapper',
            'optimizer': {'type': config['optimizer'], 'lr': config['lr']},
            'clip_grad': {'max_norm': config['clip_per_module']},
        },
        clip,
    )(model)
    steps, losses = len(recording['x']), recording['losses']
    report.count('losses', 'number of steps', steps, len(losses))
    for index in range(min(steps, len(losses))):
        joints, valid = _inputs(recording, index)
        labels = torch.from_numpy(recording['jigsaw_label'][index]).to(joints.device)
        found = model.losses_of(joints, valid, labels)
        parts = [found[f'loss_{name}joint'] for name in ('mse_', 'jigsaw_', '')]
        report.add('losses', f'losses[{index}]', parts, losses[index][:3])
        report.add('accuracy', f'losses[{index}]', found['acc_joint'], losses[index][3])
        with torch.autocast(joints.device.type, enabled=False):  # as a runner does
            sum(parts).backward()
        norms = [_gradient_norm(getattr(model, part)) for part in PARTS]
        wrapper.step()
        wrapper.zero_grad()
        report.add('gradient norms', f'grad_norms[{index}]', norms, recording['grad_norms'][index])
    _compare_states(report, model, recording.state('final', 'ms2l'))
    if steps:
        joints, valid = _inputs(recording, 0)
        with torch.no_grad():
            found = model.eval().extract_feat(joints, valid_frames=valid)
        report.add('features', 'feature', found, recording['feature'])
    return report


def _build(recording: Recording, **options: Any) -> nn.Module:
    """Build our model in the number format of the recording, in the recorded initial state."""
    config, state = recording.config, recording.state('init', 'ms2l')
    sizes = model_sizes(state)
    backbone = {'type': 'BiGRU', 'mode': 'bidirectional', 'with_norm': False, 'order': 'cvm'}
    model = MODELS.build(
        {
            'type': 'MS2L',
            **sizes,
            'backbone': backbone | sizes['backbone'],
            'pooling': {'type': 'GraphPooling', 'eps': 0.01},
            'temperature': config['temperature'],
            'visible': 1 - config['mask_ratio'],
            'segments': config['segments'],
            **options,
        }
    )
    model = recording.placed(model)
    model.load_state_dict(state, strict=True)
    return model.train()


def _inputs(recording: Recording, index: int) -> tuple[Tensor, Tensor]:
    """Return joints (N, M, T, V, C) and valid frames (N,) of a step."""
    frames = recording.tensor(recording['x'][index])
    joints = frames.unflatten(2, (3, -1, 2)).permute(0, 4, 1, 3, 2)
    return joints, torch.from_numpy(recording['num_frames'][index]).to(joints.device)


def _gradient_norm(part: ModuleDict) -> float:
    return torch.cat([p.grad.flatten() for p in part.parameters()]).norm().item()


def _compare_states(report: Report, model: nn.Module, expected: dict[str, Tensor]) -> None:
    """Compare all tensors. Those that depend only on rounding errors have their own bound."""
    state = model.state_dict()
    noisy = [x for x in state if x.endswith(('.hidden.bias', '.norm.running_mean'))]
    for name in noisy:
        theirs = expected.get(name, state[name][:0])
        report.add('states behind a BatchNorm', name, state[name], theirs)
    compare_states(report, model, expected | {name: state[name] for name in noisy})


def run_ms2l_transforms(recording: Recording) -> Report:
    """Run the mask and the jigsaw of MS2L."""
    report = Report(TRANSFORMS, required=TRANSFORMS)
    jigsaw = TemporalJigsaw()
    report.add('orders', 'permutations', jigsaw.orders, recording['permutations'])
    joints = torch.from_numpy(recording['x'])[:, None, :, :, None]  # (N, 1, T, 15, 1)
    valid = torch.from_numpy(recording['num_frames'])
    labels = torch.from_numpy(recording['jigsaw_label'])
    usable = jigsaw.usable_frames(valid, joints.shape[2])
    report.add('orders', 'num_frames_after', usable, recording['num_frames_after'])
    for name, found in (
        ('masked', mask_tail(joints, valid, 0.7)),
        ('jigsaw', jigsaw.apply(joints, usable, labels)),
    ):
        report.add('transforms', name, np.asarray(found[:, 0, :, :, 0]), recording[name])
    return report
