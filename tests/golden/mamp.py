"""MAMP and SkeletonMAE against recordings of their released code."""

from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import nn

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
MASKS = {'motion': 'MotionAwareMask', 'random': 'RandomTokenMask'}
TARGETS = {'motion': 'MotionTarget', 'joint': 'JointTarget'}


def run_mamp(recording: Recording, **options: Any) -> Report:
    """Run MAMP, or SkeletonMAE, with the recorded random numbers of the masks.

    Args:
        recording (Recording): ``mamp_train.npz`` or ``skeletonmae_train.npz``.
        **options: Options of ``masking`` and ``target``, in place of the recorded ones.
    """
    bounds = recording.precision.bounds_of(BOUNDS)
    report, config = Report(bounds, required=bounds), recording.config
    model = _build(recording, **options)
    wrapper = optimizer_of(
        model,
        LayerDecayConstructor,
        {'flat_decay_mult': 0},
        {**adamw(recording), 'betas': tuple(config['betas'])},
    )
    theirs = rename_authors_state('mamp', dict.fromkeys(recording['no_decay'].tolist()))
    named = [name for name, _ in model.named_parameters()]
    found = [group['weight_decay'] == 0 for group in wrapper.optimizer.param_groups]
    report.add('parameter groups', 'no_decay', found, [name in theirs for name in named])
    schedule = schedule_of(wrapper, recording)
    steps, losses = len(recording['steps']), recording['losses']
    report.count('losses', 'number of steps', steps, len(losses))
    for index in range(min(steps, len(losses))):
        rate = wrapper.param_groups[0]['lr']
        report.add('schedule', f'lr[{index}]', rate, recording['lr'][index])
        uniform = recording.tensor(recording['noise'][index])
        with calls(mamp, 'masked_token_error') as seen:
            loss = model.prediction_error('joint', joints_of(recording, index), uniform)
        (((prediction, _, removed), _),) = seen
        report.add('masks', f'masks[{index}]', removed, recording['masks'][index])
        report.add('losses', f'losses[{index}]', loss, losses[index])
        if not index:
            report.add('prediction', 'step0/pred', prediction, recording['step0/pred'])
        norm = step(wrapper, loss, model)
        report.add('gradient norms', f'grad_norms[{index}]', norm, recording['grad_norms'][index])
        schedule.step()
    compare_states(report, model, recording.state('final', 'mamp'))
    found = features(model, joints_of(recording, 0), 'joint')
    report.add('features', 'eval/feat', found, recording['eval/feat'])
    with torch.no_grad():
        found = model.encoders['joint'].feature_map(joints_of(recording, 0)[:1])[0]
    expected = recording['eval/tokens']
    report.add('features', 'eval/tokens', found.permute(0, 2, 3, 1), expected)
    return report


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


def adamw(recording: Recording) -> dict[str, Any]:
    config = recording.config
    settings = {name: config[name] for name in ('lr', 'weight_decay')}
    return {'type': config['optimizer'], 'eps': float(recording['eps']), **settings}


def optimizer_of(
    model: nn.Module, constructor: type, paramwise: dict, config: dict
) -> OptimWrapper:
    return constructor({'type': 'OptimWrapper', 'optimizer': config}, paramwise)(model)


def schedule_of(wrapper: OptimWrapper, recording: Recording, **options: float) -> WarmupCosineLR:
    """Return the recorded schedule, in iterations."""
    config = {**recording.config, **options}
    return WarmupCosineLR.build_iter_from_epoch(
        wrapper,
        warmup=config['warmup_epochs'],
        end=config['epochs'],
        min_ratio=config['min_lr'] / config['lr'],
        epoch_length=config['iterations_an_epoch'],
    )


def joints_of(recording: Recording, index: int) -> torch.Tensor:
    """Return the joints of a step, (N, M, T, V, C)."""
    return recording.tensor(recording['steps'][index].transpose(0, 4, 2, 3, 1))


def step(wrapper: OptimWrapper, loss: torch.Tensor, model: nn.Module) -> float:
    """Take one optimisation step; return the norm of the gradient before it."""
    wrapper.zero_grad()
    with torch.autocast(loss.device.type, enabled=False):  # as a runner does
        loss.backward()
    gradients = [x.grad.flatten() for x in model.parameters() if x.grad is not None]
    wrapper.step()
    return torch.cat(gradients).norm().item()
