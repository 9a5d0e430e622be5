import io

import pytest
from rich.console import Console

from mmcmd.terminal import accuracy_table

STREAMS = ('joint', 'motion')


def cells(table):
    file = io.StringIO()
    Console(file=file, width=80).print(table)
    return [line.split() for line in file.getvalue().splitlines()]


def test_a_row_is_a_stream_and_a_number_is_in_percent():
    metrics = {'knn/top1': 0.6144, 'knn/motion_top1': 0.5}
    head, *rows = cells(accuracy_table(metrics, STREAMS))
    assert head == ['accuracy,', '%', 'top1']
    assert rows == [['knn', 'joint', '61.4'], ['knn', 'motion', '50.0']]


def test_a_number_with_two_names_is_shown_once():
    metrics = {'acc/joint_top1': 0.25, 'acc/top1': 0.25, 'acc/joint_mean1': 0.125, 'acc/mean1': 0.1}
    head, *rows = cells(accuracy_table(metrics, STREAMS))
    assert head[-2:] == ['top1', 'mean1']
    assert rows == [['acc', 'joint', '25.0', '12.5']]


def test_the_best_value_has_its_epoch():
    metrics = {'knn/top1': 0.5, 'knn/motion_top1': 0.25}
    best = {'knn/top1': (0.75, 3), 'knn/motion_top1': (0.25, 6)}
    head, *rows = cells(accuracy_table(metrics, STREAMS, best))
    assert head[-3:] == ['top1', 'best', 'epoch']
    assert [row[-3:] for row in rows] == [['50.0', '75.0', '3'], ['25.0', '25.0', '6']]


def test_a_metric_that_is_no_accuracy_keeps_its_value():
    assert cells(accuracy_table({'distance': 12.34567})) == [['distance'], ['12.35']]


@pytest.mark.parametrize('metrics', [{}, {'acc/3s_top1': 1.0}])
def test_any_set_of_metrics_makes_a_table(metrics):
    assert len(cells(accuracy_table(metrics, STREAMS))) == len(metrics) + 1 or not metrics
