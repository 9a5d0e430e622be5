"""ISC and its image encoder against recordings of its released code."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from mmcmd.io.authors import isc, model_sizes
from mmcmd.io.checkpoint import load_plain
from mmcmd.registry import MODELS
from tests.golden.contrast import ALWAYS, BOUNDS
from tests.golden.recordings import Recording
from tests.golden.report import Report
from tests.golden.training import (
    compare_states,
    features,
    head_calls,
    head_logits,
    optimizer_of,
    step,
    steps_of,
)

RECORDED = {'joint': 'seq', 'joint_partner': 'graph'}
"""Our names of the streams, and those in the recordings."""
# No checkpoint holds the graph. A wrong graph would give wrong features.
KINDS = ('embeddings', *(kind for kind in ALWAYS if kind != 'graph'))


def run_isc(recording: Recording, **options: Any) -> Report:
    """Run ISC with a sequence encoder and 2s-AGCN.

    Args:
        recording (Recording): ``isc_train.npz``.
        **options: Options of the model, in place of the recorded ones.
    """
    report = Report(recording.precision.bounds_of(BOUNDS), required=KINDS)
    config = recording.config
    model = _build(recording, options)
    optimizer, norms = optimizer_of(model, config), []
    for index in steps_of(report, recording):
        with head_calls(model) as heads:
            found = model(recording.views(index), mode='loss')
        losses = [found[f'loss_{stream}'] for stream in model.streams]
        norms.append(step(optimizer, sum(losses), model))
        report.add('losses', f'losses[{index}]', [*losses, sum(losses)], recording['losses'][index])
        seen = dict(zip(model.streams, heads, strict=True))
        for stream in model.streams:
            key = seen[model.partners[stream]][1]  # the query of the partner is compared with it
            _compare_stream(report, recording, model, index, stream, key, seen[stream])
    report.add('gradient norms', 'grad_norms', norms, recording['grad_norms'])
    compare_states(report, model, recording.state('final', 'isc'))
    for stream, name in RECORDED.items() if len(recording['steps']) else ():
        found = features(model, recording.views(0)[:, 0], stream)
        report.add('features', f'feat/{name}', found, recording[f'feat/{name}'])
    return report


def _build(recording: Recording, options: dict[str, Any]) -> nn.Module:
    """Build our model in the number format of the recording, in the recorded initial state."""
    config, state = recording.config, recording.state('init', 'isc')
    sizes = model_sizes(state)
    sizes['partner'].pop('_delete_')
    temperature = options.pop('temperature', config['temperature'])
    model = MODELS.build(
        {
            'type': 'ISC',
            'modalities': sizes['modalities'],
            'backbone': {'type': 'BiGRU', 'with_norm': False, **sizes['backbone']},
            'partner': sizes['partner'],
            'neck': {'type': 'ProjectionNeck', **sizes['neck']},
            'queue': {'type': 'KeyQueue', **sizes['queue']},
            'head': {'type': 'MoCoHead', 'temperature': temperature},
            'momentum': 1 - config['key_momentum_kept'],
            **options,
        }
    )
    model = recording.placed(model)
    model.load_state_dict(state, strict=True)
    return model.train()


def _compare_stream(
    report: Report,
    recording: Recording,
    model: nn.Module,
    index: int,
    stream: str,
    key: Tensor,
    seen: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Compare embeddings, logits and queue of a stream after a step.

    Args:
        report (Report): Report that collects the errors.
        recording (Recording): A training of ISC.
        model (nn.Module): Our model.
        index (int): Number of the step.
        stream (str): Our name of the stream.
        key (Tensor): Key of the stream, shape (N, D).
        seen (tuple): Inputs of the contrastive head with the query of the stream.
    """
    name, queue = RECORDED[stream], model.queues[stream]
    for role, value in (('query', seen[0]), ('key', key)):
        array = f'embed/{index}/{role}_{name}'
        report.add('embeddings', array, value, recording[array])
    array = f'logits/{index}/{name}'
    report.add('logits', array, head_logits(model, seen), recording[array])
    report.add('queues', f'queue/{index}/{name}', queue.queue, recording[f'queue/{index}/{name}'])
    pointer = recording[f'queue_ptr/{index}']
    report.add('queues', f'queue_ptr/{index}', queue.queue_ptr[0], pointer)


def run_hcn(recording: Recording, **options: Any) -> Report:
    """Run HCN alone, with the linear layer on its feature, forward and backward.

    Args:
        recording (Recording): ``isc_hcn_train.npz``.
        **options: Options of the encoder, in place of the recorded ones.
    """
    required = ('losses', 'gradient norms', 'embeddings', 'features')
    report, config = Report(recording.precision.bounds_of(BOUNDS), required), recording.config
    file = recording.path.with_name(f'{recording.name}_init.pth.tar')
    theirs = {name: recording.placed(x) for name, x in load_plain(str(file)).items()}
    last = [theirs.pop(f'fc.{name}').requires_grad_() for name in ('weight', 'bias')]
    state = {isc.translate(name, isc.ENCODERS): x for name, x in theirs.items()}
    state = {name.removeprefix('backbone.'): x for name, x in state.items()}
    encoder = MODELS.build(
        {
            'type': 'HCN',
            'clip_len': config['window_size'],
            'channels': config['out_channel'],
            'dropout': config['dropout'],
            **options,
        }
    )
    encoder = recording.placed(encoder)
    encoder.load_state_dict(state, strict=True)
    # recorded as (N, C, T, V, M)
    joints = recording.tensor(recording['steps'].transpose(0, 4, 2, 3, 1))
    feature = encoder.train()(joints)
    output = linear(feature, *last)
    loss = (output * recording.tensor(recording['weight'])).sum()
    with torch.autocast(loss.device.type, enabled=False):  # as a runner does
        loss.backward()
    parameters = dict(encoder.named_parameters()) | dict(
        zip(('fc.weight', 'fc.bias'), last, strict=True)
    )
    ours = dict(zip(theirs, state, strict=True))
    norms = [parameters[ours.get(name, name)].grad.norm() for name in recording['grad_names']]
    report.add('losses', 'losses', [loss], recording['losses'])
    report.add('embeddings', 'output', output, recording['output'])
    report.add('features', 'feat', feature, recording['feat'])
    report.add('gradient norms', 'grad_norms', norms, recording['grad_norms'])
    return report
