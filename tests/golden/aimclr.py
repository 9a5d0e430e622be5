"""AimCLR against a recording of its released code."""

import re
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from mmcmd.models.functional import attention_drop
from mmcmd.models.pretrainers import aimclr
from tests.golden.contrast import compare_graphs, finish, report_of
from tests.golden.recordings import Recording
from tests.golden.report import Report
from tests.golden.training import (
    build,
    calls,
    head_calls,
    head_logits,
    optimizer_of,
    step,
    steps_of,
)


def run_aimclr(recording: Recording, **options: Any) -> Report:
    """Run AimCLR before and after mining, and its drop module alone.

    Args:
        recording (Recording): ``aimclr_train.npz``.
        **options: Options of the model that replace the recorded ones.
    """
    config, stream, mining = recording.config, recording.stream, recording['mining']
    report = report_of(recording, 'embeddings', *(['masks'] if mining.any() else []))
    options = {
        'momentum': 1 - config['key_momentum_kept'],
        'topk': config['topk'],
        'keep': config['eadm_keep'],
        'mining_epoch': 1,
        **options,
    }
    if recording.below('eadm/'):
        _compare_drop(report, recording, options['keep'])
    model, graphs = build(recording, 'aimclr', 'AimCLR', stream, **options)
    compare_graphs(report, model, graphs)
    optimizer, norms = optimizer_of(model, config), []
    for index in steps_of(report, recording):
        model.set_progress(int(mining[index]), index / len(mining), index)
        views = recording.views(index)
        if mining[index] and not mining[:index].any():
            _compare_variants(report, recording, model, views)
        losses, seen = _observe(model, views)
        norms += step(optimizer, losses[-1], model)
        report.add('losses', f'losses[{index}]', losses, recording['losses'][index])
        masks = [value for kind, _, value in seen if kind == 'masks']
        report.count('masks', f'mined terms of step {index}', len(masks), int(mining[index] != 0))
        for kind, name, value in seen:
            array = name.replace('*', str(index))
            if kind == 'masks' and not mining[index]:
                continue
            report.add(kind, array, value, recording[array])
        queue = model.queues[stream]
        report.add('queues', f'queue/{index}', queue.queue, recording[f'queue/{index}'])
        pointer = recording[f'queue_ptr/{index}']
        report.add('queues', f'queue_ptr/{index}', queue.queue_ptr[0], pointer)
    report.add('gradient norms', 'grad_norms', norms, recording['grad_norms'])
    finish(report, recording, model, 'aimclr', view=1)
    return report


def _observe(model: nn.Module, views: Tensor) -> tuple[list[Tensor], list[tuple[str, str, Tensor]]]:
    """Compute the losses of a step.

    Returns:
        tuple: The four losses as in the recording, and (kind, name, value) of other quantities.
    """
    with (
        head_calls(model) as heads,
        calls(model, 'project') as projected,
        calls(aimclr, 'distribution_cross_entropy') as distributions,
        calls(aimclr, 'multi_positive_nce') as mined,
    ):
        found = model(views, mode='loss')
    (stream,) = model.streams
    parts = [found[f'loss_{name}{stream}'] for name in ('', 'extreme_', 'dropped_')]
    losses = [parts[0], 2 * parts[1], 2 * parts[2], sum(parts)]
    (query, key, _) = heads[0]
    (_, extreme), (_, dropped) = projected[1:]
    embeddings = {'query': query, 'extreme': extreme, 'dropped': dropped, 'key': key}
    seen = [('embeddings', f'embed/*/{name}', x) for name, x in embeddings.items()]
    seen.append(('logits', 'logits/*', head_logits(model, heads[0])))
    for name, ((logits, target), _) in zip(('extreme', 'dropped'), distributions, strict=True):
        seen.append(('logits', f'prob_{name}/*', logits.softmax(dim=1)))
        seen.append(('logits', 'target/*', target.softmax(dim=1)))
    for (_, mask), _ in mined:
        seen.append(('masks', 'mask/*', mask))
    return losses, seen


def _compare_variants(
    report: Report, recording: Recording, model: nn.Module, views: Tensor
) -> None:
    """Compare losses and masks for other numbers of neighbours, with copies of the model."""
    for name, expected in recording.below('variant/').items():
        topk, mask = re.fullmatch(r'topk(\d+)(_mask)?', name).groups()
        copy = deepcopy(model)
        copy.topk = int(topk)
        losses, seen = _observe(copy, views)
        if mask:
            found = [value for kind, _, value in seen if kind == 'masks']
            report.add('masks', f'variant/{name}', found, expected[None])
        else:
            report.add('variants', f'variant/{name}', losses, expected)


def _compare_drop(report: Report, recording: Recording, keep: float) -> None:
    """Compare the drop of a feature map, and the gradient through it."""
    # (N * M, C, T', V) to one person a sequence
    arrays = (recording.tensor(recording[f'eadm/{name}']) for name in ('input', 'weight'))
    feature_map, weight = (x[:, None] for x in arrays)
    output = attention_drop(feature_map.requires_grad_(), keep)
    (gradient,) = torch.autograd.grad((output * weight).sum(), feature_map)
    report.add('drop', 'eadm/output', output[:, 0], recording['eadm/output'])
    report.add('drop', 'eadm/grad', gradient[:, 0], recording['eadm/grad'])
