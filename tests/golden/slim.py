"""SLiM against recordings of its released code."""

from typing import Any

import numpy as np
import torch
from mmengine.optim import CosineAnnealingParamScheduler, OptimWrapper
from torch import nn

from mmcmd.engine import LayerDecayConstructor, WarmupCosineLR
from mmcmd.io.authors import model_sizes, rename_authors_state
from mmcmd.models import PersonPooling
from mmcmd.models.pretrainers import slim
from mmcmd.registry import MODELS
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, relative
from tests.golden.training import calls, compare_states

BOUNDS = {
    'losses': (1e-4, relative),
    'terms': (1e-4, relative),
    'gradient norms': (1e-3, relative),
    'assignments': (1e-4, absolute),
    'schedule': (1e-9, relative),
    'parameter groups': (1e-9, absolute),
    'states': (1e-4, absolute),
    'features': (1e-4, absolute),
}
GROUPS = {'global': 'global', 'long': 'local32', 'medium': 'local16', 'short': 'local8'}
"""Our groups of views and the recorded ones."""


def run_slim(recording: Recording, **options: Any) -> Report:
    """Run SLiM with the recorded masks.

    Args:
        recording (Recording): ``slim_train.npz``.
        **options: Options of the model, in place of the recorded ones.
    """
    bounds = recording.precision.bounds_of(BOUNDS)
    report, config = Report(bounds, required=bounds), recording.config
    model = _build(recording, **options)
    wrapper = _optimizer(model, config)
    _compare_groups(report, recording, wrapper)
    schedules = _schedules(wrapper, config)
    total = config['epochs'] * config['iterations_an_epoch']
    steps, losses = len(recording['global']), recording['losses']
    report.count('losses', 'number of steps', steps, len(losses))
    for index in range(min(steps, len(losses))):
        model.set_progress(index // config['iterations_an_epoch'], index / total, 0, total)
        _compare_hyper(report, recording, index, model, wrapper)
        clips, masks = _batch(recording, index)
        with calls(slim, 'sinkhorn') as seen:
            terms, _ = model.terms('joint', clips, masks)
        if not index:
            for (_, found), name in zip(seen, ('cls', 'patch'), strict=True):
                expected = recording[f'step0/teacher_{name}']
                if name == 'cls':  # of the other view, as it is used
                    found = torch.stack(found.chunk(2)[::-1])
                report.add('assignments', f'step0/teacher_{name}', found, expected)
        loss = sum(terms.values())
        logged = [terms['global'], terms['local'], terms['koleo'] / 2, terms['masked'] / 2]
        report.add('terms', f'terms[{index}]', logged, recording['terms'][index])
        report.add('losses', f'losses[{index}]', loss, losses[index])
        norms = _step(wrapper, loss, model)
        report.add('gradient norms', f'grad_norms[{index}]', norms, recording['grad_norms'][index])
        model.after_step()
        for schedule in schedules:
            schedule.step()
    compare_states(report, model, recording.state('final', 'slim'))
    _compare_features(report, recording, model)
    return report


def _build(recording: Recording, **options: Any) -> nn.Module:
    """Build our model in the number format of the recording, in the recorded initial state."""
    config, state = recording.config, recording.state('init', 'slim')
    # The teacher starts as the student, and is not recorded.
    teacher = {'students': 'encoders', 'student_necks': 'necks'}
    for name, tensor in list(state.items()):
        first, _, rest = name.partition('.')
        state[f'{teacher[first]}.{rest}'] = tensor
    sizes = model_sizes(state)
    model = MODELS.build(
        {
            'type': 'SLiM',
            'modalities': ['joint'],
            'backbone': {
                'type': 'RotaryTransformer',
                **sizes['backbone'],
                'num_heads': config['heads'],
            },
            'neck': sizes['neck'],
            'momentum': 1 - config['momentum'][0],
            'teacher_temperature': config['teacher_temperature'],
            'temperature_warmup': config['teacher_temperature_epochs'] / config['epochs'],
            **options,
        }
    )
    model = recording.placed(model)
    model.load_state_dict(state, strict=True)
    return model.train()


def _optimizer(model: nn.Module, config: dict) -> OptimWrapper:
    optimizer = {'type': 'AdamW', 'lr': config['lr'], 'weight_decay': config['weight_decay'][0]}
    wrapper = {
        'type': 'OptimWrapper',
        'optimizer': {**optimizer, 'betas': (0.9, 0.999)},
        'clip_grad': {'max_norm': config['clip_per_submodule']},
    }
    paramwise = {'flat_decay_mult': 0, 'embed_lr_mult': 0.2, 'clip_by': 'module'}
    return LayerDecayConstructor(wrapper, paramwise)(model)


def _schedules(wrapper: OptimWrapper, config: dict) -> list:
    """Return the schedules of learning rate and weight decay, by iterations."""
    first, last = config['weight_decay']
    length = config['iterations_an_epoch']
    rate = WarmupCosineLR.build_iter_from_epoch(
        wrapper,
        warmup=config['warmup_epochs'],
        end=config['epochs'],
        min_ratio=config['min_lr'] / config['lr'],
        inclusive=True,
        held='prototypes',
        hold=config['freeze_last_layer_epochs'],
        epoch_length=length,
    )
    decay = CosineAnnealingParamScheduler.build_iter_from_epoch(
        wrapper,
        param_name='weight_decay',
        T_max=config['epochs'],
        end=config['epochs'],
        eta_min_ratio=last / first,
        epoch_length=length,
    )
    return [rate, decay]


def _compare_groups(report: Report, recording: Recording, wrapper: OptimWrapper) -> None:
    """Compare the factors of learning rate and weight decay of each parameter at the start."""
    config = recording.config
    theirs = recording['param_names'].tolist()
    names = [
        name
        for theirs_one in theirs
        for name in rename_authors_state('slim', {f'student.{theirs_one}': None})
    ]
    rows = dict(zip(names, range(len(names)), strict=True))
    for group in wrapper.optimizer.param_groups:
        name = group['param_name']
        row = rows.pop(name)
        for kind, ours, base, array in (
            ('rate', 'initial_lr', config['lr'], 'lr_multiplier'),
            ('decay', 'weight_decay', config['weight_decay'][0], 'wd_multiplier'),
        ):
            factor = group.get(ours, group.get('lr')) / base
            report.add('parameter groups', f'{kind} of {name}', factor, recording[array][row])
        held = 'prototypes' in name
        report.add('parameter groups', f'held {name}', held, recording['is_last_layer'][row])
    report.count('parameter groups', 'parameters that are left', len(rows), 0)


def _compare_hyper(
    report: Report, recording: Recording, index: int, model: nn.Module, wrapper: OptimWrapper
) -> None:
    groups = {group['param_name']: group for group in wrapper.optimizer.param_groups}
    plain = groups['students.joint.backbone.blocks.0.mlp.inner.weight']
    found = [
        plain['lr'],
        plain['weight_decay'],
        1 - model.current_momentum(),
        model.current_temperature(),
        groups['student_necks.joint.class.prototypes.length']['lr'],
    ]
    report.add('schedule', f'hyper[{index}]', found, recording['hyper'][index])


def _batch(
    recording: Recording, index: int
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return the clips (B, 1, T, V, C) and the masks (B, T' V) of a step."""
    clips, masks = {}, {}
    for ours, theirs in GROUPS.items():
        clips[ours] = recording.tensor(recording[theirs][index].transpose(0, 4, 2, 3, 1))
        masks[ours] = torch.from_numpy(recording[f'{theirs}_mask'][index])
    return clips, masks


def _step(wrapper: OptimWrapper, loss: torch.Tensor, model: nn.Module) -> list[float]:
    """Take one optimisation step; return the norms of the gradients of each part before it."""
    wrapper.zero_grad()
    with torch.autocast(loss.device.type, enabled=False):  # as a runner does
        loss.backward()
    heads = model.student_necks['joint']
    parts = model.students['joint'], heads['class'], heads['patch']
    norms = [
        torch.cat([x.grad.flatten() for x in part.parameters()]).norm().item() for part in parts
    ]
    wrapper.step()
    return norms


def _compare_features(report: Report, recording: Recording, model: nn.Module) -> None:
    """Compare the features of linear evaluation and nearest neighbours."""
    joints = recording.tensor(recording['eval/input'].transpose(0, 4, 2, 3, 1))
    present = (joints != 0).flatten(2).any(dim=2).cpu().numpy()
    report.add('features', 'eval/person_mask', present, recording['eval/person_mask'])
    backbone = model.eval().encoders['joint'].backbone
    for name, layers, patches in (('1', 1, False), ('1_avg', 1, True), ('2_avg', 2, True)):
        backbone.class_layers, backbone.with_patches = layers, patches
        with torch.no_grad():
            found = PersonPooling()(backbone(joints))
        report.add('features', f'eval/linear_{name}', found, recording[f'eval/linear_{name}'])
    backbone.class_layers, backbone.with_patches = 1, True
    with torch.no_grad():
        found = PersonPooling(join=True)(backbone(joints)).double().cpu().numpy()
    width = recording.config['width']
    # Ours is person by person, theirs part by part.
    found = found.reshape(-1, 2, 2, width).swapaxes(1, 2).reshape(len(found), -1)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    report.add('features', 'eval/knn', found, recording['eval/knn'])
