"""SkeletonCLR and CrosSCLR against recordings of their released code."""

import re
from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from mmcmd.models.pretrainers import crossclr
from tests.golden.linear import compare_linear
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
    step,
    steps_of,
)

BOUNDS = {
    'losses': (1e-5, relative),
    'gradient norms': (1e-3, relative),
    'logits': (1e-5, absolute_or_relative),
    'embeddings': (1e-5, absolute),
    'masks': (0, different),
    'queues': (1e-5, absolute_or_relative),
    'variants': (1e-5, relative),
    'states': (1e-5, absolute_or_relative),
    'features': (1e-5, absolute_or_relative),
    'graph': (1e-5, absolute),
    'linear': (1e-5, absolute_or_relative),
    'linear losses': (1e-5, relative),
    'drop': (1e-5, absolute_or_relative),
}
ALWAYS = ('graph', 'losses', 'gradient norms', 'logits', 'queues', 'states', 'features')
"""Kinds of quantities that every training of these methods has."""


def report_of(recording: Recording, *required: str) -> Report:
    """Return a report that requires the kinds that a training has.

    Args:
        recording (Recording): A training.
        *required (str): More kinds, besides those of all trainings and those of its arrays.
    """
    told = {
        'linear/': ('linear', 'linear losses'),
        'variant/': ('variants',),
        'eadm/': ('drop',),
    }
    optional = [kind for prefix, kinds in told.items() if recording.below(prefix) for kind in kinds]
    bounds = recording.precision.bounds_of(BOUNDS)
    return Report(bounds, required=[*ALWAYS, *optional, *required])


def run_skeletonclr(recording: Recording, **options: Any) -> Report:
    """Run SkeletonCLR.

    Args:
        recording (Recording): ``skeletonclr_train.npz``.
        **options: Options of the model, in place of the recorded ones.
    """
    report, config, stream = report_of(recording), recording.config, recording.stream
    options = {'momentum': 1 - config['key_momentum_kept'], **options}
    model, graphs = build(recording, 'skeletonclr', 'SkeletonCLR', stream, **options)
    compare_graphs(report, model, graphs)
    optimizer, norms = optimizer_of(model, config), []
    for index in steps_of(report, recording):
        with head_calls(model) as heads:
            loss = model(recording.views(index), mode='loss')[f'loss_{stream}']
        norms += step(optimizer, loss, model)
        report.add('losses', f'losses[{index}]', loss, recording['losses'][index])
        report.add(
            'logits', f'logits[{index}]', head_logits(model, heads[0]), recording['logits'][index]
        )
        queue = model.queues[stream]
        report.add('queues', f'queue[{index}]', queue.queue, recording['queue'][index])
        report.add(
            'queues', f'queue_ptr[{index}]', queue.queue_ptr[0], recording['queue_ptr'][index]
        )
    report.add('gradient norms', 'grad_norms', norms, recording['grad_norms'])
    finish(report, recording, model, 'skeletonclr', view=0)
    return report


def run_crossclr(recording: Recording, **options: Any) -> Report:
    """Run CrosSCLR with as many streams as the recording has.

    Args:
        recording (Recording): ``crossclr_train.npz`` or ``crossclr_2s_train.npz``.
        **options: Options of the model, in place of the recorded ones.
    """
    config, crossing = recording.config, recording['cross']
    report = report_of(recording, *(['masks'] if crossing.any() else []))
    options = {
        'momentum': 1 - config['key_momentum_kept'],
        'topk': config['topk'],
        'context': config['context'],
        'cross_epoch': 1,
        **options,
    }
    model, graphs = build(recording, 'crossclr', 'CrosSCLR', 'joint', **options)
    compare_graphs(report, model, graphs)
    optimizer, norms = optimizer_of(model, config), []
    pairs = [(a, b) for a in model.streams for b in model.streams if a != b]
    for index in steps_of(report, recording):
        model.set_progress(int(crossing[index]), index / len(crossing), index)
        views = recording.views(index)
        if crossing[index] and not crossing[:index].any():
            _compare_variants(report, recording, model, views)
        with head_calls(model) as heads, calls(crossclr, 'multi_positive_nce') as terms:
            found = model(views, mode='loss')
        losses = [found[f'loss_{name}'] for name in model.streams]
        norms.append(step(optimizer, sum(losses), model))
        report.add('losses', f'losses[{index}]', [*losses, sum(losses)], recording['losses'][index])
        count = len(pairs) if crossing[index] else 0
        report.count('masks', f'pairs of step {index}', len(terms), count)
        if crossing[index]:
            _compare_terms(report, recording, f'cross/{index}', pairs, terms)
        else:
            report.count('logits', f'streams of step {index}', len(heads), len(model.streams))
            for name, seen in zip(model.streams, heads, strict=False):
                array = f'warm/{index}/logits/{name}'
                report.add('logits', array, head_logits(model, seen), recording[array])
        for name, queue in model.queues.items():
            array = f'queue/{index}/{name}'
            report.add('queues', array, queue.queue, recording[array])
            array = f'queue/{index}/ptr'
            report.add('queues', array, queue.queue_ptr[0], recording[array])
    report.add('gradient norms', 'grad_norms', norms, recording['grad_norms'])
    finish(report, recording, model, 'crossclr', view=0)
    return report


def _compare_terms(
    report: Report,
    recording: Recording,
    prefix: str,
    pairs: list[tuple[str, str]],
    terms: list[tuple[tuple[Tensor, Tensor], Tensor]],
) -> None:
    """Compare logits, masks and losses of each ordered pair of streams.

    Args:
        report (Report): Report that collects the errors.
        recording (Recording): A training of CrosSCLR.
        prefix (str): Beginning of the names of the step's recorded arrays, such as ``cross/2``.
        pairs (list): The stream of the query and the stream that gives the positives.
        terms (list): For each pair its logits and its mask, both (N, 1 + Q) or with context
            (N, 1 + 2 Q), and its loss.
    """
    for (own, other), ((logits, mask), _) in zip(pairs, terms, strict=False):
        letters = own[0] + other[0]
        report.add(
            'logits', f'{prefix}/logits/{letters}', logits, recording[f'{prefix}/logits/{letters}']
        )
        report.add('masks', f'{prefix}/mask/{letters}', mask, recording[f'{prefix}/mask/{letters}'])
    if f'{prefix}/six' in recording.arrays:
        values = [loss for _, loss in terms]
        report.add('losses', f'{prefix}/six', values, recording[f'{prefix}/six'])


def _compare_variants(
    report: Report, recording: Recording, model: nn.Module, views: Tensor
) -> None:
    """Compare the losses of the pairs for other settings, with copies of the model."""
    for name, expected in recording.below('variant/').items():
        copy = deepcopy(model)
        copy.topk, context = map(int, re.fullmatch(r'topk(\d+)_context([01])', name).groups())
        copy.context = bool(context)
        with calls(crossclr, 'multi_positive_nce') as terms:
            copy(views, mode='loss')
        report.add('variants', f'variant/{name}', [loss for _, loss in terms], expected)


def compare_graphs(report: Report, model: nn.Module, built: dict[str, Tensor]) -> None:
    """Compare the adjacency matrices that our code builds with the recorded ones."""
    recorded = model.state_dict()
    for name, adjacency in built.items():
        report.add('graph', name, adjacency, recorded[name])


def finish(report: Report, recording: Recording, model: nn.Module, method: str, view: int) -> None:
    """Compare the recordings after the last step: states, features, linear evaluation."""
    compare_states(report, model, recording.state('final', method, model.streams[0]))
    if not len(recording['steps']):
        return  # without a step there is no input
    joints = recording.views(0)[:, view]
    for name in model.streams:
        array = f'feat/{name}' if f'feat/{name}' in recording.arrays else 'feat'
        report.add('features', array, features(model, joints, name), recording[array])
    compare_linear(report, recording, model, view)
