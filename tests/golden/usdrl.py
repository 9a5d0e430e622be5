"""USDRL against recordings of its released code, with either encoder."""

from typing import Any

import torch
from torch import nn

from mmcmd.io.authors import model_sizes
from mmcmd.models.pretrainers import usdrl
from mmcmd.registry import MODELS
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, absolute_or_relative, relative
from tests.golden.training import calls, compare_states, features

BOUNDS = {
    'losses': (1e-4, relative),
    'terms': (1e-4, relative),
    'gradient norms': (1e-3, relative),
    'projections': (1e-4, absolute_or_relative),
    'tokens': (1e-4, absolute),
    'states': (1e-4, absolute),
    'features': (1e-4, absolute),
}
PARTS = {'temporal': 't', 'spatial': 's', 'instance': 'i'}
"""Our names of the granularities and the recorded names, in the recorded order."""


def run_usdrl(recording: Recording, **options: Any) -> Report:
    """Run USDRL.

    Args:
        recording (Recording): ``usdrl_dste_train.npz`` or ``usdrl_sttr_train.npz``.
        **options: Options of the model, in place of the recorded ones.
    """
    bounds = recording.precision.bounds_of(BOUNDS)
    report, config = Report(bounds, required=bounds), recording.config
    model = _build(recording, **options)
    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=config['lr'],
        weight_decay=config['l2'],
        eps=float(recording['eps']),
    )
    steps, losses = len(recording['steps']), recording['losses']
    report.count('losses', 'number of steps', steps, len(losses))
    names = list(model.necks['joint'])
    for index in range(min(steps, len(losses))):
        with calls(usdrl, 'decorrelation_terms') as seen:
            found = model.loss(recording.views(index))
        terms = {name: x for name, (_, x) in zip(names, seen, strict=True)}
        parts = torch.stack([terms[name] for name in PARTS], dim=1).flatten()  # sim, vac, xcorr
        report.add('terms', f'parts[{index}]', parts, recording['parts'][index])
        keys = ('invariance', 'variance', 'correlation')
        combined = [found[f'{key}_joint'] for key in keys]
        report.add('terms', f'terms[{index}]', combined, recording['terms'][index])
        report.add('losses', f'losses[{index}]', found['loss_joint'], losses[index])
        if not index:
            for name, (((views,), _)) in zip(names, seen, strict=True):
                array = f'step0/z_{PARTS[name]}'
                report.add('projections', array, list(views), recording[array])
        optimizer.zero_grad()
        with torch.autocast(found['loss_joint'].device.type, enabled=False):  # as a runner does
            found['loss_joint'].backward()
        norm = torch.cat([x.grad.flatten() for x in model.parameters()]).norm().item()
        report.add('gradient norms', f'grad_norms[{index}]', norm, recording['grad_norms'][index])
        optimizer.step()
    compare_states(report, model, recording.state('final', 'usdrl'))
    joints = recording.views(0)[:, 0]
    report.add('features', 'eval/feat', features(model, joints, 'joint'), recording['eval/feat'])
    _compare_tokens(report, recording, model, joints[:1])
    return report


def _compare_tokens(
    report: Report, recording: Recording, model: nn.Module, joints: torch.Tensor
) -> None:
    """Compare inputs and outputs of both transformers on one sequence."""
    backbone, inputs = model.eval().encoders['joint'].backbone, []
    streams = backbone.temporal, backbone.spatial
    handles = [x.register_forward_pre_hook(lambda _, args: inputs.append(args[0])) for x in streams]
    with torch.no_grad():
        tokens = backbone.tokens_of_both(joints)
    for handle in handles:
        handle.remove()
    for kind, given, found in zip(('temporal', 'spatial'), inputs, tokens, strict=True):
        report.add('tokens', f'eval/input_{kind[0]}', given[0], recording[f'eval/input_{kind[0]}'])
        array = f'eval/{kind}_tokens'
        report.add('tokens', array, found[0], recording[array])


def _build(recording: Recording, **options: Any) -> nn.Module:
    """Build our model in the number format of the recording, in the recorded initial state."""
    config, state = recording.config, recording.state('init', 'usdrl')
    backbone = {**model_sizes(state)['backbone'], 'num_heads': config['heads']}
    for name, ours in (('a', 'share'), ('g', 'stride')):
        if name in config:
            backbone[ours] = config[name]
    model = MODELS.build(
        {
            'type': 'USDRL',
            'modalities': ['joint'],
            'backbone': {
                'type': 'SpatioTemporalTransformer',
                'drop_path_rate': 0.0,
                **backbone,
            },
            **options,
        }
    )
    model = recording.placed(model)
    model.load_state_dict(state, strict=True)
    return model.train()
