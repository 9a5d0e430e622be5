"""A run writes its results, and its last predictions for comparisons with other runs."""

import json

import numpy as np
import pytest

from mmcmd.engine.hooks.results_hook import (
    PREDICTIONS,
    RESULTS,
    TEST_PREDICTIONS,
    TEST_RESULTS,
)


def accuracies(folder, name):
    with np.load(folder / name) as arrays:
        assert all(x.dtype == np.int16 for x in arrays.values())
        right = {x: arrays[x] == arrays['labels'] for x in arrays if x != 'labels'}
    assert {len(x) for x in right.values()} == {9}
    return {stream: x.mean() for stream, x in right.items()}


def test_predictions_are_those_of_the_last_validation(pretrained):
    results = json.loads((pretrained / RESULTS).read_text())
    found = accuracies(pretrained, PREDICTIONS)
    assert list(found) == ['joint', 'motion', 'bone', '3s']
    for stream, accuracy in found.items():
        metric = 'knn/top1' if stream == 'joint' else f'knn/{stream}_top1'
        assert accuracy == pytest.approx(results[metric]['last'], abs=1e-9)


def test_classifier_leaves_the_predictions_of_each_stream(
    make_runner, tiny_linear_options, pretrained, tmp_path
):
    options = {'model.pretrained': str(pretrained / 'epoch_2.pth')}
    runner = make_runner('benchmarks/linear.py', tmp_path, tiny_linear_options | options)
    runner.train()
    results = json.loads((tmp_path / RESULTS).read_text())
    for stream, accuracy in accuracies(tmp_path, PREDICTIONS).items():
        assert accuracy == pytest.approx(results[f'acc/{stream}_top1']['last'], abs=1e-6)
    runner.test()
    assert (tmp_path / TEST_RESULTS).is_file()
    assert accuracies(tmp_path, TEST_PREDICTIONS) == accuracies(tmp_path, PREDICTIONS)
