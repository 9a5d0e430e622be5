"""Linear evaluation and fine-tuning of MAMP against recordings of its released code."""

from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmcmd.engine import LayerDecayConstructor, WarmupCosineLR
from mmcmd.io.authors import model_sizes, rename_authors_state
from mmcmd.registry import MODELS
from tests.golden.mamp import adamw, joints_of, optimizer_of, schedule_of, step
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, relative
from tests.golden.training import compare_states

EVALUATION = {
    'losses': (1e-4, relative),
    'schedule': (1e-9, relative),
    'parameter groups': (1e-9, relative),
    'states': (1e-4, absolute),
    'scores': (1e-3, absolute),
}
HEADS = {
    'linear': {'head.fc.0': 'norm', 'head.fc.1': 'fc'},
    'finetune': {'head.fc1': 'hidden', 'head.bn': 'norm', 'head.fc2': 'fc'},
}
"""Recorded names of the parts of a head, and our names."""


def run_mamp_eval(recording: Recording, **options: Any) -> Report:
    """Run linear evaluation and fine-tuning of MAMP.

    Args:
        recording (Recording): ``mamp_eval.npz``.
        **options: Options of the optimiser's constructor of the fine-tuning.
    """
    bounds = recording.precision.bounds_of(EVALUATION)
    report, config = Report(bounds, required=bounds), recording.config
    head = {'type': 'LinearHead', 'with_norm': True, 'norm_eps': 1e-6}
    model = _classifier(recording, 'linear', head)
    wrapper = optimizer_of(
        model, DefaultOptimWrapperConstructor, {}, {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}
    )
    _train(report, recording, 'linear', model, wrapper, recording['linear/lr'])
    _compare_final(report, recording, 'linear', model)

    head = {'type': 'MLPHead', 'hidden_channels': config['head_hidden']}
    pooling = {'type': 'JointPooling'}
    model = _classifier(
        recording, 'finetune', head, frozen=False, pooling=pooling, label_smoothing=0.1
    )
    wrapper = optimizer_of(
        model,
        LayerDecayConstructor,
        {'layer_decay': 0.8, 'flat_decay_mult': 0, **options},
        {**adamw(recording), 'lr': 3e-3, 'betas': (0.9, 0.999)},
    )
    names = _our_names(recording, model)
    scales = dict(zip(names, recording['finetune/lr_scale'], strict=True))
    decays = dict(zip(names, recording['finetune/weight_decay'], strict=True))
    for group in wrapper.optimizer.param_groups:
        name, scale = group['param_name'], group['lr'] / 3e-3
        report.add('parameter groups', f'lr_scale of {name}', scale, scales.pop(name))
        report.add('parameter groups', f'decay of {name}', group['weight_decay'], decays[name])
    report.count('parameter groups', 'parameters that are left', len(scales), 0)
    schedule = schedule_of(wrapper, recording, min_lr=1e-5, lr=3e-3)
    wrapper.step()  # without gradients, because the recorded training begins with the second step
    schedule.step()
    rates = recording['finetune/lr']
    _train(report, recording, 'finetune', model, wrapper, rates, schedule)
    _compare_final(report, recording, 'finetune', model)
    return report


def _classifier(recording: Recording, part: str, head: dict, **options: Any) -> nn.Module:
    """Build a classifier with the recorded encoder and head."""
    config, state = recording.config, recording.state('final', 'mamp')
    backbone = {**model_sizes(state)['backbone'], 'num_heads': config['heads']}
    model = MODELS.build(
        {
            'type': 'SkeletonClassifier',
            'modalities': ['joint'],
            'backbone': {'type': 'SkeletonTransformer', **backbone},
            'head': {'num_classes': config['num_classes'], **head},
            **options,
        }
    )
    start = 'encoders.joint.'
    encoder = {x.removeprefix(start): y for x, y in state.items() if x.startswith(start)}
    model.encoders['joint'].load_state_dict(encoder)
    model.heads['joint'].load_state_dict(_head_state(recording, part, 'init'))
    return recording.placed(model).train()


def _head_state(recording: Recording, part: str, moment: str) -> dict[str, torch.Tensor]:
    state = {}
    for name, array in recording.below(f'{part}/{moment}/').items():
        if name.startswith('head.'):
            theirs, _, rest = name.rpartition('.')
            state[f'{HEADS[part][theirs]}.{rest}'] = torch.from_numpy(array)
    return state


def _our_names(recording: Recording, model: nn.Module) -> list[str]:
    """Return our names of the recorded parameters of the fine-tuning."""
    names = []
    for name in recording['finetune/param_names'].tolist():
        theirs, _, rest = name.rpartition('.')
        if theirs in HEADS['finetune']:
            names.append(f'heads.joint.{HEADS["finetune"][theirs]}.{rest}')
        else:
            names += rename_authors_state('mamp', {name: None})
    return names


def _train(
    report: Report,
    recording: Recording,
    part: str,
    model: nn.Module,
    wrapper: OptimWrapper,
    rates: np.ndarray,
    schedule: WarmupCosineLR | None = None,
) -> None:
    """Train a classifier on the recorded batches, and compare losses and scores."""
    for index, expected in enumerate(recording[f'{part}/losses']):
        if schedule is None:
            for group in wrapper.optimizer.param_groups:
                group['lr'] = rates[index]
        else:
            rate = max(group['lr'] for group in wrapper.optimizer.param_groups)
            report.add('schedule', f'{part}/lr[{index}]', rate, rates[index])
        samples = [ActionDataSample().set_gt_labels(int(x)) for x in recording['labels'][index]]
        loss = model.loss(joints_of(recording, index)[:, None], samples)['loss_joint']
        report.add('losses', f'{part}/losses[{index}]', loss, expected)
        step(wrapper, loss, model)
        if schedule is not None:
            schedule.step()
    with torch.no_grad():
        scores = model.eval()(joints_of(recording, 0)[:, None])['joint']
    report.add('scores', f'{part}/scores', scores, recording[f'{part}/scores'])


def _compare_final(report: Report, recording: Recording, part: str, model: nn.Module) -> None:
    """Compare the head, and the encoder if it was trained, with the recorded ones."""
    expected = {
        f'heads.joint.{name}': x for name, x in _head_state(recording, part, 'final').items()
    }
    trained = {
        name: torch.from_numpy(x)
        for name, x in recording.below(f'{part}/final/').items()
        if not name.startswith('head.')
    }
    expected |= rename_authors_state('mamp', trained)
    if not trained:
        state = model.state_dict()
        expected |= {name: x for name, x in state.items() if name.startswith('encoders.')}
    compare_states(report, model, expected)
