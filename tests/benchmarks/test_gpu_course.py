import gc
import json
import time
from itertools import groupby

import pytest

from benchmarks import __main__ as command
from benchmarks.gpu import course, steps
from benchmarks.gpu.place import Place
from benchmarks.gpu.table import Case, Row, markdown
from benchmarks.harness import Disagreement
from mmcmd.errors import InputError

SHORT = Place('cpu', short=True)
ROW = Row('CMD step', {'batch': 64}, ('step (ms)', 'hours'), {'hours': '<= 4'})


@pytest.fixture(autouse=True)
def frozen():
    """Freeze the imported modules as the command does, so that garbage collections are short."""
    gc.freeze()
    yield
    gc.unfreeze()


def first_of_each_stage(cases):
    """Return the case in float32 of each table, or the first one."""
    for _, group in groupby(cases, key=lambda case: case.row.stage):
        group = list(group)
        yield next((x for x in group if x.row.case.get('format') == 'float32'), group[0])


def short_cases():
    found = {case.row.stage: case for case in first_of_each_stage(course.cases(SHORT))}
    return [pytest.param(case, id=stage) for stage, case in found.items()]


@pytest.mark.parametrize('case', short_cases())
def test_every_table_can_be_measured_on_a_cpu(case):
    values, note = case.measure()
    missing = {'peak (GB)', 'times as fast as encoding in every epoch'}
    assert set(values) == set(case.row.columns) - missing
    assert all(value > 0 for value in values.values())
    assert note


def test_16_bits_are_compared_with_the_loop_in_16_bits(monkeypatch):
    dtypes, run = [], steps.algorithm_1

    def noted(model, *views):
        hook = model.necks['joint'].hidden.register_forward_hook(
            lambda module, args, output: dtypes.append((args[0].dtype, output.dtype))
        )
        with hook:
            return run(model, *views)

    monkeypatch.setattr(steps, 'algorithm_1', noted)
    (case, *_) = steps.cmd_cases(SHORT, [2], ['default'])
    case.measure()
    assert {str(x) for pair in dtypes for x in pair} == {'torch.bfloat16'}


def failing(error):
    def measure():
        raise error

    return Case(ROW, measure)


def measured(cases, seconds=60.0):
    failed = []
    rows = list(course.measure(cases, time.monotonic() + seconds, failed))
    return rows, failed


def test_rows_without_time_are_told_and_not_left_out():
    (row,), failed = measured([failing(AssertionError('was run'))], seconds=0)
    assert row.note == 'skipped: no time was left'
    assert row.cell('hours') == 'not measured (<= 4)'
    assert not failed


def test_a_case_that_fails_leaves_the_others_their_turn():
    good = Case(ROW, lambda: ({'step (ms)': 2.5, 'hours': 5.0}, 'fine'))
    errors = [Disagreement('losses'), ValueError('no\nroom')]
    rows, failed = measured([*map(failing, errors), good])
    assert [row.note for row in rows] == [
        'two implementations disagree: losses',
        'failed: ValueError: no room',
        'fine',
    ]
    assert failed == ['disagreement', 'error']
    assert '| 64 | 2.5 | 5 (<= 4: **missed**) | fine |' in markdown(rows, {'gpu': 'none'})


def test_plan_lists_all_cases_without_a_gpu(monkeypatch, tmp_path, capsys):
    arguments = ['benchmarks', '--device', 'cuda', '--minutes', '0', '--out', str(tmp_path)]
    monkeypatch.setattr('sys.argv', arguments)
    assert command.main() == 0
    rows = json.loads((tmp_path / 'gpu.json').read_text())['rows']
    assert len(rows) == len(list(course.cases(Place('cuda', short=False))))
    assert {row['case']['batch'] for row in rows if row['stage'] == 'CMD step'} == {64, 256, 1024}
    assert not any(row['values'] for row in rows)
    columns = {(row['stage'], *row['case'], *row['columns']) for row in rows}
    assert len(columns) == len({row['stage'] for row in rows}), 'one heading for each table'


def test_no_gpu_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    monkeypatch.setattr('sys.argv', ['benchmarks', '--device', 'cuda'])
    with pytest.raises(SystemExit) as stop:
        command.run(command.main)
    assert stop.value.code == 2
    stderr = capsys.readouterr().err
    assert stderr.count('\n') == 1
    assert '--device cuda needs a CUDA GPU, and torch finds none' in stderr


def test_an_earlier_run_is_gone_on_with(tmp_path, monkeypatch):
    runs = []

    def case(batch):
        row = Row('CMD step', {'batch': batch}, ('step (ms)',))
        return Case(row, lambda: (runs.append(batch) or {'step (ms)': float(batch)}, 'measured'))

    monkeypatch.setattr(course, 'cases', lambda place: [case(1), case(2)])
    late, soon = time.monotonic() - 1, time.monotonic() + 60
    course.run('cpu', True, soon, tmp_path, {'tests': '3 passed'})
    text = (tmp_path / 'gpu.json').read_text()
    (tmp_path / 'gpu.json').write_text(text.replace('"step (ms)": 2.0', ''))
    assert course.run('cpu', True, late, tmp_path, resume=True) == 0
    assert 'no time was left' in (tmp_path / 'gpu.md').read_text()
    course.run('cpu', True, soon, tmp_path, resume=True)
    found = json.loads((tmp_path / 'gpu.json').read_text())
    assert runs == [1, 2, 2]
    assert [row['values'] for row in found['rows']] == [{'step (ms)': 1.0}, {'step (ms)': 2.0}]
    assert found['machine']['tests'] == '3 passed'


def test_an_earlier_run_elsewhere_is_refused(tmp_path):
    facts = course.facts_of(SHORT) | {'torch': '1.0'}
    (tmp_path / 'gpu.json').write_text(json.dumps({'machine': facts, 'rows': []}))
    with pytest.raises(InputError, match=r"measured with torch '1\.0', and here it is"):
        course.run('cpu', True, 0.0, tmp_path, resume=True)
    with pytest.raises(InputError, match=r'there is no .* to go on with; run without it first'):
        course.run('cpu', True, 0.0, tmp_path / 'empty', resume=True)
