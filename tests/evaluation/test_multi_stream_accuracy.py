import pytest
import torch
from mmaction.structures import ActionDataSample

from mmcmd.evaluation import MultiStreamAccuracy
from mmcmd.structures import set_scores


def evaluate(scores, labels):
    samples = [ActionDataSample().set_gt_labels(label) for label in labels]
    set_scores(samples, scores)
    metric = MultiStreamAccuracy()
    for part in (samples[:7], samples[7:]):
        metric.process({}, [sample.to_dict() for sample in part])
    return metric.evaluate(len(labels))


def test_names_and_values_of_every_stream():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(8, (40,), generator=generator).tolist()
    names = 'motion', 'joint', 'bone'
    scores = {name: torch.rand(40, 8, generator=generator).softmax(1) for name in names}
    scores['3s'] = sum(scores.values()) / 3

    expected = {}
    for stream, rows in scores.items():
        orders = [sorted(range(8), key=lambda c: -row[c]) for row in rows.tolist()]
        right = [label == order[0] for label, order in zip(labels, orders, strict=True)]
        classes = sorted(set(labels))
        values = {
            'top1': sum(right) / 40,
            'top5': sum(label in o[:5] for label, o in zip(labels, orders, strict=True)) / 40,
            'mean1': sum(
                sum(r for r, label in zip(right, labels, strict=True) if label == c)
                / labels.count(c)
                for c in classes
            )
            / len(classes),
        }
        expected |= {f'acc/{stream}_{name}': value for name, value in values.items()}
        if stream == 'motion':  # the first of the config
            expected |= {f'acc/{name}': value for name, value in values.items()}
    assert evaluate(scores, labels) == pytest.approx(expected)


def test_single_stream_has_its_name_and_the_plain_one():
    scores = {'joint': torch.eye(10)}
    assert evaluate(scores, list(range(10)))['acc/top1'] == 1.0
    assert evaluate(scores, list(range(9, -1, -1)))['acc/joint_top1'] == 0.0
