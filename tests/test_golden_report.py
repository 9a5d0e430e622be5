"""The report of the harness: measures, bounds, and missing comparisons."""

import numpy as np
import pytest

from tests.golden import contrast
from tests.golden.report import (
    Report,
    absolute,
    absolute_or_relative,
    different,
    relative,
)


@pytest.mark.parametrize('found', [[1.0, np.nan], [1.0, np.inf], [1.0], [1.0, 2.1]])
@pytest.mark.parametrize(
    'measure',
    [absolute, absolute_or_relative, relative, different],
)
def test_every_measure_tells_what_differs(found, measure):
    report = Report({'x': (1e-3, measure)})
    report.add('x', 'good', [1.0, 2.0], [1.0, 2.0])
    assert report.broken() == []
    report.add('x', 'bad', found, [1.0, 2.0])
    report.add('x', 'good', [1.0, 2.0], [1.0, 2.0])
    assert report.broken() == ['x']
    assert 'BROKEN' in report.lines('name')[0]
    assert report.lines('name')[0].endswith('bad')


def test_required_kind_is_broken_until_it_is_compared():
    report = Report({'x': (1e-3, relative), 'y': (0, different)}, required=('x',))
    report.count('x', 'steps', 2, 2)
    assert report.broken() == ['x']
    assert report.lines('name')[0].endswith('never compared')
    report.add('x', 'good', [1.0], [1.0])
    assert report.broken() == []
    report.count('y', 'masks', 1, 2)
    assert report.broken() == ['y']
    assert report.lines('name')[1].endswith('masks: 1 instead of 2')


@pytest.mark.parametrize('nothing', [[], np.zeros((0, 3))])
def test_comparison_of_no_values_breaks_a_bound(nothing):
    report = Report({'x': (1e-3, relative)})
    report.add('x', 'empty', nothing, nothing)
    assert report.broken() == ['x']
    assert report.where['x'] == 'empty'


def test_small_loss_beside_a_large_one_is_compared_by_itself():
    report = Report({'losses': contrast.BOUNDS['losses'], 'states': contrast.BOUNDS['states']})
    report.add('losses', 'losses', [1000.0, 0.1001], [1000.0, 0.1])
    report.add('states', 'weight', [1000.0, 2.0001], [1000.0, 2.0])
    assert report.broken() == ['losses', 'states']
    assert report.worst['losses'] == pytest.approx(1e-3)
    assert report.worst['states'] == pytest.approx(5e-5)
