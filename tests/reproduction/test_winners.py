"""A table names the cases in which a row without pre-training is the best."""

import json

import pytest

from mmcmd.reproduction import report
from mmcmd.reproduction.paper import Cell, Table
from mmcmd.reproduction.winners import winners

TABLE = Table(
    'Leaderboard',
    ['knn, 3s', 'linear, 3s', '1 label, 3s'],
    {name: [Cell(name, 'knn', '3s')] * 3 for name in ('raw', 'random', 'CMD', 'MoCo')},
    baselines=('raw', 'random'),
)


def record(*values):
    runs = [
        dict(
            seed=n, last=x, best=x, config='c', epochs=0, best_epoch=None, checkpoint='', seconds=1
        )
        for n, x in enumerate(values)
    ]
    return dict(method='m', protocol='p', metric='k', paper=None, source=None, runs=runs)


@pytest.fixture
def records():
    return {
        'raw': [record(80, 82), record(50), record(30)],
        'random': [record(60), record(70), record()],
        'CMD': [record(90, 70), record(80), record(20)],
        'MoCo': [record(85), record(75), record(29)],
    }


def test_best_row_of_each_column_is_compared_with_the_methods(records):
    found = winners(TABLE, records)
    assert (found[0].label, found[0].value, found[0].below) == ('raw', 81, ('CMD',))
    assert (found[1].label, found[1].below) == ('random', ())
    assert (found[2].below, found[2].others) == (('CMD', 'MoCo'), 0)


def test_columns_that_were_not_run_are_left_out(records):
    records['raw'][0] = records['random'][0] = record()
    records['CMD'][1] = records['MoCo'][1] = None
    assert set(winners(TABLE, records)) == {2}


def test_report_marks_and_says_it_plainly(records, tmp_path):
    report.write(TABLE, records, 'data', 'small', tmp_path / 'table')
    lines = (tmp_path / 'table.md').read_text().splitlines()
    assert '| CMD | 80.0 ± 14.1 ↓ | 80.0 | 20.0 ↓ |' in lines
    assert '| MoCo | 85.0 | 75.0 | 29.0 ↓ |' in lines
    assert '- knn, 3s: raw (81.0) is above 1 of 2: CMD' in lines
    assert '- linear, 3s: no method with pre-training is below random (70.0)' in lines
    assert '- 1 label, 3s: **raw (30.0) is above all methods with pre-training**' in lines
    content = json.loads((tmp_path / 'table.json').read_text())
    assert content['winners']['knn, 3s']['below'] == ['CMD']


def test_other_tables_are_as_before(records):
    plain = Table('x', TABLE.columns, TABLE.rows)
    text = report.markdown(plain, records, 'data', 'small')
    assert '↓' not in text
    assert 'pre-training wins' not in text
