"""CMD against a recording of its released code."""

from typing import Any

from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, relative
from tests.golden.training import build, compare_states, features, optimizer_of, step, steps_of

# The recordings were made in float32.
BOUNDS = {
    'losses': (1e-4, relative),
    'gradient norms': (1e-3, relative),
    'states': (1e-4, absolute),
    'features': (1e-4, absolute),
}
SETTINGS = {
    'temperature': 0.07,
    'teacher_temperature': 0.05,
    'student_temperature': 0.1,
    'loss_weight': 1.0,
    'topk': 32,
    'key_momentum_kept': 0.99,
    'lr': 0.05,
    'sgd_momentum': 0.9,
    'weight_decay': 1e-4,
}
"""Settings that are used if the file of a recording has none."""


def run_cmd(recording: Recording, **options: Any) -> Report:
    """Run CMD.

    Args:
        recording (Recording): ``cmd_train.npz``.
        **options: Options of the model and of its distillation head, in place of the recorded
            ones.
    """
    bounds = recording.precision.bounds_of(BOUNDS)
    report, config = Report(bounds, required=bounds), SETTINGS | recording.config
    names = ('topk', 'teacher_temperature', 'student_temperature', 'loss_weight')
    distill_head = {name: options.pop(name, config[name]) for name in names}
    options = {
        'momentum': 1 - config['key_momentum_kept'],
        'temperature': config['temperature'],
        'distill_head': {'type': 'CMDHead', **distill_head},
        **options,
    }
    model, _ = build(recording, 'cmd', 'CMD', 'joint', **options)
    optimizer = optimizer_of(model, config)
    for index in steps_of(report, recording):
        expected = recording['losses'][index]
        found = model(recording.views(index), mode='loss')
        losses = [found[f'loss_{name}'] for name in (*model.streams, 'cmd')]
        norms = step(optimizer, sum(losses), model)
        count = len(losses) + 1
        report.add('losses', f'losses[{index}]', [*losses, sum(losses)], expected[:count])
        report.add('gradient norms', f'losses[{index}]', norms, expected[count:])
    compare_states(report, model, recording.state('final', 'cmd'))
    for name in model.streams if len(recording['steps']) else ():
        found = features(model, recording.views(0)[:, 0], name)
        report.add('features', f'feat/{name}', found, recording[f'feat/{name}'])
    return report
