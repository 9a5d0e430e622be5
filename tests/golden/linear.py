"""Compare the recorded linear evaluations of the encoders after the last step."""

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from mmcmd.registry import MODELS
from tests.golden.recordings import Recording
from tests.golden.report import Report


def compare_linear(report: Report, recording: Recording, model: nn.Module, view: int) -> None:
    """Train classifiers like those of the recording, and compare.

    Args:
        report (Report): Report that collects the errors.
        recording (Recording): A training with arrays ``linear/V/...``.
        model (nn.Module): Our pre-training model after the last step.
        view (int): The view of the first step that is classified.
    """
    names = recording.below('linear/')
    for evaluated in dict.fromkeys(name.split('/')[0] for name in names):
        _compare_one(report, recording, model, evaluated, recording.views(0)[:, view : view + 1])


def _compare_one(
    report: Report, recording: Recording, model: nn.Module, evaluated: str, inputs: Tensor
) -> None:
    """Train the classifiers of one evaluation on inputs (N, 1, M, T, V, C)."""
    prefix = f'linear/{evaluated}'
    weights = {
        name.removesuffix('/init_weight'): torch.from_numpy(x)
        for name, x in recording.below(f'{prefix}/').items()
        if name.endswith('/init_weight')
    }
    classifier = MODELS.build(
        {
            'type': 'SkeletonClassifier',
            'modalities': {name: model.describe()['streams'][name] for name in weights},
            'head': {'type': 'LinearHead', 'num_classes': len(next(iter(weights.values())))},
            'joint_loss': len(weights) > 1,
            'layout': model.layout,
        }
    )
    classifier = recording.placed(classifier)
    for name, weight in weights.items():
        classifier.encoders[name].load_state_dict(model.encoders[name].state_dict())
        classifier.heads[name].fc.weight.data.copy_(weight)
        classifier.heads[name].fc.bias.data.zero_()
    optimizer = torch.optim.SGD(
        classifier.heads.parameters(), lr=recording.config.get('linear_lr', 3.0), momentum=0.9
    )
    samples = [ActionDataSample().set_gt_labels(int(x)) for x in recording['labels']]
    found = []
    classifier.train()
    for _ in recording[f'{prefix}/losses']:
        loss = sum(classifier.loss(inputs, samples).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    report.add('linear losses', f'{prefix}/losses', found, recording[f'{prefix}/losses'])
    with torch.no_grad():
        scores = torch.stack(list(classifier(inputs).values())).mean(dim=0)
    report.add('linear', f'{prefix}/scores', scores, recording[f'{prefix}/scores'])
    for name in weights:
        for part in ('weight', 'bias'):
            array = f'{prefix}/{name}/final_{part}'
            report.add('linear', array, getattr(classifier.heads[name].fc, part), recording[array])
