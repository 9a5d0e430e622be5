"""MAMP and SkeletonMAE against recordings of their released code."""

from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmcmd.datasets.transforms import (
    TemporalCropResize,
    TranslateToStart,
    drop_empty_frames,
    resize_frames,
    rotate,
    translate_to_start,
)
from mmcmd.engine import LayerDecayConstructor, WarmupCosineLR
from mmcmd.io.authors import model_sizes, rename_authors_state
from mmcmd.models.pretrainers import mamp
from mmcmd.registry import MODELS
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, different, relative
from tests.golden.training import calls, compare_states, features

BOUNDS = {
    'losses': (1e-4, relative),
    'gradient norms': (1e-3, relative),
    'masks': (0, different),
    'schedule': (1e-9, relative),
    'parameter groups': (0, different),
    'prediction': (1e-4, absolute),
    'states': (1e-4, absolute),
    'features': (1e-4, absolute),
}
EVALUATION = {
    'losses': (1e-4, relative),
    'schedule': (1e-9, relative),
    'parameter groups': (1e-9, relative),
    'states': (1e-4, absolute),
    'scores': (1e-3, absolute),
}
PIPELINE = {
    'valid frames': (0, different),
    'preprocessing': (1e-5, absolute),
    'crops': (1e-5, absolute),
    'transforms': (1e-5, absolute),
}
MASKS = {'motion': 'MotionAwareMask', 'random': 'RandomTokenMask'}
TARGETS = {'motion': 'MotionTarget', 'joint': 'JointTarget'}
HEADS = {'linear': {'head.fc.0': 'norm', 'head.fc.1': 'fc'}}
HEADS['finetune'] = {'head.fc1': 'hidden', 'head.bn': 'norm', 'head.fc2': 'fc'}
"""Recorded parts of a head, and ours."""


def run_mamp(recording: Recording, **options: Any) -> Report:
    """Run MAMP, or SkeletonMAE, with the recorded random numbers of the masks.

    Args:
        recording (Recording): ``mamp_train.npz`` or ``skeletonmae_train.npz``.
        **options: Options of ``masking`` and ``target``, in place of the recorded ones.
    """
    bounds = recording.precision.bounds_of(BOUNDS)
    report, config = Report(bounds, required=bounds), recording.config
    model = _build(recording, **options)
    wrapper = _optimizer(
        model,
        LayerDecayConstructor,
        {'flat_decay_mult': 0},
        {**_adamw(recording), 'betas': tuple(config['betas'])},
    )
    theirs = rename_authors_state('mamp', dict.fromkeys(recording['no_decay'].tolist()))
    named = [name for name, _ in model.named_parameters()]
    found = [group['weight_decay'] == 0 for group in wrapper.optimizer.param_groups]
    report.add('parameter groups', 'no_decay', found, [name in theirs for name in named])
    schedule = _schedule(wrapper, recording)
    steps, losses = len(recording['steps']), recording['losses']
    report.count('losses', 'number of steps', steps, len(losses))
    for index in range(min(steps, len(losses))):
        rate = wrapper.param_groups[0]['lr']
        report.add('schedule', f'lr[{index}]', rate, recording['lr'][index])
        uniform = recording.tensor(recording['noise'][index])
        with calls(mamp, 'masked_token_error') as seen:
            loss = model.prediction_error('joint', _joints(recording, index), uniform)
        (((prediction, _, removed), _),) = seen
        report.add('masks', f'masks[{index}]', removed, recording['masks'][index])
        report.add('losses', f'losses[{index}]', loss, losses[index])
        if not index:
            report.add('prediction', 'step0/pred', prediction, recording['step0/pred'])
        norm = _step(wrapper, loss, model)
        report.add('gradient norms', f'grad_norms[{index}]', norm, recording['grad_norms'][index])
        schedule.step()
    compare_states(report, model, recording.state('final', 'mamp'))
    found = features(model, _joints(recording, 0), 'joint')
    report.add('features', 'eval/feat', found, recording['eval/feat'])
    with torch.no_grad():
        found = model.encoders['joint'].feature_map(_joints(recording, 0)[:1])[0]
    expected = recording['eval/tokens']
    report.add('features', 'eval/tokens', found.permute(0, 2, 3, 1), expected)
    return report


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
    wrapper = _optimizer(
        model, DefaultOptimWrapperConstructor, {}, {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}
    )
    _train(report, recording, 'linear', model, wrapper, recording['linear/lr'])
    _compare_final(report, recording, 'linear', model)

    head = {'type': 'MLPHead', 'hidden_channels': config['head_hidden']}
    pooling = {'type': 'JointPooling'}
    model = _classifier(
        recording, 'finetune', head, frozen=False, pooling=pooling, label_smoothing=0.1
    )
    wrapper = _optimizer(
        model,
        LayerDecayConstructor,
        {'layer_decay': 0.8, 'flat_decay_mult': 0, **options},
        {**_adamw(recording), 'lr': 3e-3, 'betas': (0.9, 0.999)},
    )
    names = _our_names(recording, model)
    scales = dict(zip(names, recording['finetune/lr_scale'], strict=True))
    decays = dict(zip(names, recording['finetune/weight_decay'], strict=True))
    for group in wrapper.optimizer.param_groups:
        name, scale = group['param_name'], group['lr'] / 3e-3
        report.add('parameter groups', f'lr_scale of {name}', scale, scales.pop(name))
        report.add('parameter groups', f'decay of {name}', group['weight_decay'], decays[name])
    report.count('parameter groups', 'parameters that are left', len(scales), 0)
    schedule = _schedule(wrapper, recording, min_lr=1e-5, lr=3e-3)
    wrapper.step()  # no gradient yet: the recorded training begins with the second step
    schedule.step()
    rates = recording['finetune/lr']
    _train(report, recording, 'finetune', model, wrapper, rates, schedule)
    _compare_final(report, recording, 'finetune', model)
    return report


def run_mamp_pipeline(recording: Recording) -> Report:
    """Run preprocessing, crops and rotation of MAMP.

    Args:
        recording (Recording): ``mamp_pipeline.npz``.
    """
    report = Report(PIPELINE, required=PIPELINE)
    config, ends = recording.config, recording['num_frames'].cumsum()
    crop = TemporalCropResize(config['test_share'])
    sequences = []
    for index, end in enumerate(ends):
        frames = slice(end - recording['num_frames'][index], end)
        persons = int(recording['num_person'][index])
        raw, expected = (
            recording[name][frames].astype(np.float32).reshape(-1, 2, 25, 3).swapaxes(0, 1)
            for name in ('raw', 'translated')
        )
        moved = translate_to_start(raw[:persons], 1)
        report.add('preprocessing', f'translated[{index}]', moved, expected[:persons])
        valid = drop_empty_frames(moved)
        count = recording['valid_frames'][index]
        report.add('valid frames', f'valid_frames[{index}]', valid.shape[1], count)
        found = TranslateToStart()({'keypoint': raw, 'layout': 'ntu'})['keypoint']
        report.add('preprocessing', f'TranslateToStart {index}', found, valid)
        sequences.append(valid)
        results = {'keypoint': valid, 'clip_len': config['clip_len']}
        found = crop(results)['keypoint']
        report.add('crops', f'centre_crop[{index}]', *_pair(found, recording['centre_crop'][index]))
    crop = TemporalCropResize((config['min_share'], 1.0))
    for index, (number, share, start) in enumerate(recording['crop_records']):
        valid = sequences[int(number)]
        _, kept = crop.crop(valid.shape[1], _Share(share))
        piece = valid[:, int(start) : int(start) + kept]
        found = resize_frames(piece, config['clip_len'])
        expected = recording['crops'][index]
        report.add('crops', f'crops[{index}]', *_pair(found, expected))
        turned = rotate(expected.transpose(3, 1, 2, 0), np.degrees(recording['angles'][index]))
        found = turned.transpose(3, 1, 2, 0)
        report.add('transforms', f'rotated[{index}]', found, recording['rotated'][index])
    return report


class _Share:
    """Gives the recorded number in place of a random one."""

    def __init__(self, share: float) -> None:
        self.share = float(share)

    def random(self) -> float:
        return self.share


def _pair(found: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two clips (M, T, V, C) with the persons of ours."""
    return found, expected.transpose(3, 1, 2, 0)[: len(found)]


def _build(recording: Recording, **options: Any) -> nn.Module:
    """Build our model in the number format of the recording, in the recorded initial state."""
    config, state = recording.config, recording.state('init', 'mamp')
    sizes, heads = model_sizes(state), {'num_heads': config['heads']}
    target = {'type': TARGETS[config['target']], 'normalize': config['normalised_targets']}
    masking = {'type': MASKS[config['mask']], 'ratio': config['mask_ratio']}
    if config['target'] == 'motion':
        target['stride'] = config['stride']
    if config['mask'] == 'motion':
        masking['tau'] = config['tau']
    model = MODELS.build(
        {
            'type': 'MAMP',
            'modalities': ['joint'],
            'backbone': {'type': 'SkeletonTransformer', **sizes['backbone'], **heads},
            'decoder': {**sizes['decoder'], **heads},
            'masking': masking | options.get('masking', {}),
            'target': target | options.get('target', {}),
        }
    )
    model = recording.placed(model)
    model.load_state_dict(state, strict=True)
    return model.train()


def _adamw(recording: Recording) -> dict[str, Any]:
    config = recording.config
    settings = {name: config[name] for name in ('lr', 'weight_decay')}
    return {'type': config['optimizer'], 'eps': float(recording['eps']), **settings}


def _optimizer(model: nn.Module, constructor: type, paramwise: dict, config: dict) -> OptimWrapper:
    return constructor({'type': 'OptimWrapper', 'optimizer': config}, paramwise)(model)


def _schedule(wrapper: OptimWrapper, recording: Recording, **options: float) -> WarmupCosineLR:
    """Return the recorded schedule, by iterations."""
    config = {**recording.config, **options}
    return WarmupCosineLR.build_iter_from_epoch(
        wrapper,
        warmup=config['warmup_epochs'],
        end=config['epochs'],
        min_ratio=config['min_lr'] / config['lr'],
        epoch_length=config['iterations_an_epoch'],
    )


def _joints(recording: Recording, index: int) -> torch.Tensor:
    """Return the joints of a step, (N, M, T, V, C)."""
    return recording.tensor(recording['steps'][index].transpose(0, 4, 2, 3, 1))


def _step(wrapper: OptimWrapper, loss: torch.Tensor, model: nn.Module) -> float:
    """Take one optimisation step; return the norm of the gradient before it."""
    wrapper.zero_grad()
    with torch.autocast(loss.device.type, enabled=False):  # as a runner does
        loss.backward()
    gradients = [x.grad.flatten() for x in model.parameters() if x.grad is not None]
    wrapper.step()
    return torch.cat(gradients).norm().item()


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
        loss = model.loss(_joints(recording, index)[:, None], samples)['loss_joint']
        report.add('losses', f'{part}/losses[{index}]', loss, expected)
        _step(wrapper, loss, model)
        if schedule is not None:
            schedule.step()
    with torch.no_grad():
        scores = model.eval()(_joints(recording, 0)[:, None])['joint']
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
