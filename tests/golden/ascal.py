"""AS-CAL against recordings of its released code."""

from typing import Any

import numpy as np
import torch
from torch import nn

from mmcmd.datasets.transforms import (
    add_noise,
    blur_time,
    flip_time,
    mask_axis,
    mask_joints,
    rotate,
    shear,
    subtract_joint,
)
from mmcmd.io.authors import model_sizes
from mmcmd.registry import MODELS
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, absolute_or_relative, different, relative
from tests.golden.training import (
    compare_states,
    features,
    head_calls,
    head_logits,
    optimizer_of,
)

BOUNDS = {
    'losses': (1e-4, relative),
    'gradient norms': (1e-3, absolute_or_relative),
    'logits': (1e-4, absolute_or_relative),
    'queue start': (0, different),
    'states': (1e-4, absolute),
    'features': (1e-4, absolute),
}
TRANSFORMS = {'transforms': (1e-5, absolute_or_relative)}


def run_ascal(recording: Recording, **options: Any) -> Report:
    """Run AS-CAL: a step that only fills the queue, and steps that train.

    Args:
        recording (Recording): ``ascal_train.npz``.
        **options: Options of the model, in place of the recorded ones.
    """
    bounds, config = recording.precision.bounds_of(BOUNDS), recording.config
    report = Report(bounds, required=BOUNDS)
    model = _build(recording, **options)
    optimizer = optimizer_of(model, {'sgd_momentum': config['momentum'], **config})
    batches, losses = recording['batch'], recording['losses']
    report.count('losses', 'number of steps', len(batches), len(losses))
    for index in range(min(len(batches), len(losses))):
        model.set_progress(int(index >= config['warmup_steps']), index / len(batches), index)
        views = recording.views(index)[: batches[index]]
        with head_calls(model) as heads:
            loss = model(views, mode='loss')['loss_joint']
        optimizer.zero_grad()
        with torch.autocast(loss.device.type, enabled=False):  # as a runner does
            loss.backward()
        norm = _gradient_norm(model)
        optimizer.step()
        logits = head_logits(model, heads[0])
        report.add('losses', f'losses[{index}]', loss, losses[index])
        report.add('gradient norms', f'grad_norm[{index}]', norm, recording['grad_norm'][index])
        expected = recording['logits'][index][: batches[index]]
        report.add('logits', f'logits[{index}]', logits, expected)
        expected = recording['mean_positive'][index]
        report.add('logits', f'mean_positive[{index}]', logits[:, 0].mean(), expected)
    model.update_keys()  # the released code does it at the end of a step
    start = torch.tensor([int(recording['queue_start'])])
    report.add('queue start', 'queue_start', model.queues['joint'].queue_ptr, start)
    expected = recording.state('final', 'ascal') | {'queues.joint.queue_ptr': start}
    compare_states(report, model, expected)
    # N, C, T, V, M
    joints = recording.tensor(recording['eval_input'].transpose(0, 4, 2, 3, 1))
    found = features(model, joints, 'joint')
    report.add('features', 'feature', found, recording['feature'])
    return report


def _build(recording: Recording, **options: Any) -> nn.Module:
    """Build our model in the number format of the recording, in the recorded initial state."""
    config, state = recording.config, recording.state('init', 'ascal')
    sizes = model_sizes(state)
    settings = {
        'momentum': 1 - config['key_keeps'],
        'head': {'type': 'MoCoHead', 'temperature': config['temperature']},
        'pooling': {'type': 'GraphPooling'},
        **options,
    }
    backbone = {'type': 'LSTM', 'with_norm': False, 'order': 'cvm', **sizes['backbone']}
    queue = {'type': 'KeyQueue', 'normalized': False, **sizes['queue']}
    model = MODELS.build(
        {
            'type': 'ASCAL',
            'modalities': sizes['modalities'],
            'backbone': backbone,
            'queue': queue,
            **settings,
        }
    )
    model = recording.placed(model)
    model.load_state_dict(state, strict=True)
    return model.train()


def _gradient_norm(model: nn.Module) -> float:
    """Return the norm of all gradients, 0 if there are none."""
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat(gradients).norm().item() if gradients else 0.0


def run_ascal_transforms(recording: Recording) -> Report:
    """Run the augmentations of AS-CAL's repository."""
    report = Report(TRANSFORMS, required=TRANSFORMS)
    x = recording['x'].transpose(3, 1, 2, 0)  # C, T, V, M to M, T, V, C
    angles = np.diag(recording['rotate_angle'])  # one axis at a time
    found = {
        'subtract': subtract_joint(x, int(recording['subtract_joint'])),
        'reverse': flip_time(x),
        'shear': shear(x, recording['shear_matrix']),
        'rotate': [rotate(x, degrees) for degrees in angles],
        'cut': mask_joints(x, recording['cut_joints'], recording['cut_frames']),
        'axis': mask_axis(x, int(recording['axis'])),
        'noise': add_noise(x, recording['noise'].transpose(3, 1, 2, 0)),
        'blur': [blur_time(x, sigma) for sigma in recording['blur_sigma']],
    }
    for name, ours in found.items():
        theirs = np.moveaxis(recording[f'{name}_out'], (-4, -1), (-1, -4))
        report.add('transforms', name, ours, theirs)
    return report
