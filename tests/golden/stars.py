"""STARS against recordings of its released code."""

from typing import Any

import torch
from mmaction.structures import ActionDataSample
from torch import nn

from mmcmd.engine import LayerDecayConstructor
from mmcmd.io.authors import model_sizes, rename_authors_state
from mmcmd.models.pretrainers import stars
from mmcmd.registry import MODELS
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, relative
from tests.golden.training import calls, compare_states, features

BOUNDS = {
    'losses': (1e-4, relative),
    'neighbours': (1e-4, absolute),
    'gradient norms': (1e-3, relative),
    'parameter groups': (1e-9, relative),
    'states': (1e-4, absolute),
    'features': (1e-4, absolute),
    'embeddings': (1e-4, absolute),
}
SHARES = {'stage2': 0.0, 'stage3': 0.5}
"""Share of the encoder's blocks that are trained in each stage."""


def run_stars(recording: Recording, **options: Any) -> Report:
    """Run both stages of STARS.

    Args:
        recording (Recording): ``stars_tune.npz``.
        **options: Options of the model, in place of the recorded ones.
    """
    bounds = recording.precision.bounds_of(BOUNDS)
    report = Report(bounds, required=bounds)
    model = _build(recording, **options)
    for stage in SHARES:
        model.load_state_dict(_state(recording, stage, 'init'), strict=True)
        _run_stage(report, recording, stage, model.train())
    first = _joints(recording, 'stage3/q', 0)
    report.add('features', 'eval/feat', features(model, first, 'joint'), recording['eval/feat'])
    with torch.no_grad():
        found = model.eval().embed('joint', first[:, None].expand(-1, 2, -1, -1, -1, -1))[0]
    for name, x in zip(('project', 'predict'), found, strict=True):
        report.add('embeddings', f'eval/{name}', x, recording[f'eval/{name}'])
    return report


def _run_stage(report: Report, recording: Recording, stage: str, model: nn.Module) -> None:
    """Train with the recorded views of one stage."""
    config = recording.config
    wrapper = LayerDecayConstructor(
        {
            'type': 'OptimWrapper',
            'clip_grad': {'max_norm': config['clip_per_tensor']},
            'optimizer': {
                'type': config['optimizer'],
                'eps': float(recording['eps']),
                'betas': tuple(config['betas']),
                **{name: config[name] for name in ('lr', 'weight_decay')},
            },
        },
        {
            'layer_decay': config['layer_decay'],
            'trained_share': SHARES[stage],
            'clip_by': 'tensor',
        },
    )(model)
    groups = {group['param_name']: group for group in wrapper.optimizer.param_groups}
    theirs = [f'encoder_student.{name}' for name in recording[f'{stage}/optimised'].tolist()]
    names = list(rename_authors_state('stars', dict.fromkeys(theirs)))
    rates = [groups[name]['lr'] if name in groups else 0 for name in names]
    report.count('parameter groups', 'optimised', len(groups), len(names))
    report.add('parameter groups', f'{stage}/lr', rates, recording[f'{stage}/lr'])
    for index, expected in enumerate(recording[f'{stage}/losses']):
        views = [_joints(recording, f'{stage}/{view}', index) for view in 'qk']
        samples = [
            ActionDataSample(metainfo={'sample_idx': int(x)})
            for x in recording[f'{stage}/ids'][index]
        ]
        with calls(stars, 'nearest_keys') as keys, calls(stars, 'neighbour_nce') as terms:
            loss = model.loss(torch.stack(views, dim=1), samples)['loss_joint']
        for number, (_, found) in enumerate(keys):
            array = f'{stage}/neighbours[{index}, {number}]'
            neighbours = recording[f'{stage}/neighbours'][index, number].T
            report.add('neighbours', array, found, neighbours)
        for number, (_, (term, _)) in enumerate(terms):
            array = f'{stage}/loss{number}'
            report.add('losses', f'{array}[{index}]', term, recording[array][index])
        report.add('losses', f'{stage}/losses[{index}]', loss, expected)
        wrapper.zero_grad()
        model.zero_grad()
        with torch.autocast(loss.device.type, enabled=False):  # as a runner does
            loss.backward()
        gradients = [x['params'][0].grad.flatten() for x in groups.values()]
        norm = torch.cat(gradients).norm().item()
        array = f'{stage}/grad_norms'
        report.add('gradient norms', f'{array}[{index}]', norm, recording[array][index])
        wrapper.step()
    compare_states(report, model, _state(recording, stage, 'final'))


def _build(recording: Recording, **options: Any) -> nn.Module:
    config, sizes = recording.config, model_sizes(_state(recording, 'stage2', 'init'))
    backbone = {**sizes['backbone'], 'num_heads': config['heads']}
    model = MODELS.build(
        {
            'type': 'STARS',
            **sizes,
            'backbone': {'type': 'SkeletonTransformer', **backbone},
            'queue': {'type': 'KeyQueue', **sizes['queue']},
            'temperature': config['temperature'],
            **options,
        }
    )
    return recording.placed(model)


def _state(recording: Recording, stage: str, moment: str) -> dict[str, torch.Tensor]:
    theirs = {x: torch.from_numpy(y) for x, y in recording.below(f'{stage}/{moment}/').items()}
    return rename_authors_state('stars', theirs, source=f'{recording.name} ({stage}, {moment})')


def _joints(recording: Recording, array: str, index: int) -> torch.Tensor:
    """Return recorded joints, (N, M, T, V, C)."""
    return recording.tensor(recording[array][index].transpose(0, 4, 2, 3, 1))
