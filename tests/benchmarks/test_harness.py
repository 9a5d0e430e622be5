import importlib
import inspect
import json
import sys
from types import ModuleType

import pytest
import torch

import benchmarks.__main__ as command
from benchmarks.harness import (
    Disagreement,
    Figure,
    Growth,
    check_close_in_norm,
    check_equal,
    gradients,
    ratio,
)
from benchmarks.tables import as_json, markdown

FAST = Figure('encoder', 'a case', 2.0, goal='>= 1.9')
SLOW = Figure('encoder', 'another', 1.5, goal='>= 1.9', low=1.4, high=1.6)
SQUARE = Growth('step (s)', 'batch', (2, 4, 8), (0.4, 1.6, 6.4))


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Return a function: run the command with stages that give results, or raise them."""

    def run(*results, **others):
        stages = {'encoder': results} | others
        for name, given in stages.items():
            module = ModuleType(f'benchmarks.{name}')
            module.run = lambda short, given=given: map(give, given)
            monkeypatch.setitem(sys.modules, f'benchmarks.{name}', module)
        monkeypatch.setattr(sys, 'argv', ['benchmarks', *stages, '--out', str(tmp_path)])
        return command.main()

    return run


def give(result):
    if isinstance(result, Exception):
        raise result
    return result


def test_a_missed_goal_is_reported_and_is_no_failure(bench, tmp_path):
    assert bench(FAST, SLOW) == 0
    rows = (tmp_path / 'bench.md').read_text().splitlines()
    assert [row.split(' | ')[1] for row in rows if 'missed' in row] == ['another']


def test_a_disagreement_fails_and_keeps_what_was_measured_before(bench, tmp_path, capsys):
    assert bench(FAST, Disagreement('losses differ'), SLOW) == 1
    figures = json.loads((tmp_path / 'bench.json').read_text())['figures']
    assert [figure['case'] for figure in figures] == ['a case']
    line = 'two implementations disagree: encoder: losses differ'
    assert line in capsys.readouterr().out
    assert f'- {line}' in (tmp_path / 'bench.md').read_text()


def test_a_stage_that_fails_is_noted_and_the_others_are_run(bench, tmp_path, capsys):
    assert bench(FAST, ValueError('no\nroom'), knn=[SLOW]) == 2
    data = json.loads((tmp_path / 'bench.json').read_text())
    assert [figure['case'] for figure in data['figures']] == ['a case', 'another']
    assert data['failures'] == [
        {'stage': 'encoder', 'reason': 'ValueError: no\nroom', 'disagrees': False}
    ]
    assert '- failed: encoder: ValueError: no room\n' in (tmp_path / 'bench.md').read_text()
    assert 'failed: encoder: ValueError: no room' in capsys.readouterr().out


def test_a_disagreement_outweighs_a_failure(bench):
    assert bench(ValueError('no room'), knn=[Disagreement('classes differ')]) == 1


def test_an_unknown_stage_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['benchmarks', 'speed'])
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 2
    assert 'unknown stage speed' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('value', 'goal', 'reached'),
    [(1.9, '>= 1.9', True), (1.8, '>= 1.9', False), (4, '<= 5', True), (6, '<= 5', False)],
)
def test_goals_hold_at_their_bound(value, goal, reached):
    assert Figure('encoder', '', value, goal=goal).reached is reached
    assert Figure('encoder', '', value).reached is None


def test_the_exponent_of_a_square_law_is_2():
    assert SQUARE.exponent == pytest.approx(2)


def test_a_ratio_is_the_median_over_rounds_not_of_medians():
    fields = ratio({'ours': [1.0, 2.0, 4.0], 'other': [3.0, 2.0, 8.0]}, 'other')
    assert (fields['low'], fields['value'], fields['high']) == (1, 2, 3)
    assert fields['times'] == {'ours': 2, 'other': 3}


def test_check_equal_names_what_differs():
    check_equal(torch.ones(2), torch.ones(2) + 1e-6, 'loss', atol=1e-5)
    with pytest.raises(Disagreement, match='loss: '):
        check_equal(torch.ones(2), torch.zeros(2), 'loss', atol=1e-5)


SLOPES = {'weight': torch.linspace(-2e-7, 1e-7, 100), 'bias': torch.ones(3)}


@pytest.mark.parametrize('factor', [0.0, 0.99, 1.001, -1.0, float('nan')])
def test_gradients_of_zero_or_of_another_scale_are_found_out_however_small(factor):
    found = SLOPES | {'weight': factor * SLOPES['weight']}
    with pytest.raises(Disagreement, match='slopes: weight differs by '):
        check_close_in_norm(found, SLOPES, 'slopes')


def test_gradients_within_rounding_are_close_and_the_largest_distance_is_told():
    found = {'weight': SLOPES['weight'] * (1 + 1e-6), 'bias': SLOPES['bias'] * (1 + 1e-5)}
    assert check_close_in_norm(found, SLOPES, 'slopes') == pytest.approx(1e-5, rel=0.02)
    assert check_close_in_norm({'none': torch.zeros(2)}, {'none': torch.zeros(2)}, '') == 0


def test_what_should_be_zero_must_be_zero_unless_that_is_rounding():
    wanted = {'weight': torch.ones(4), 'bias': torch.zeros(1)}
    found = wanted | {'bias': torch.full((1,), 1e-7)}
    with pytest.raises(Disagreement, match='bias differs by inf'):
        check_close_in_norm(found, wanted, 'slopes')
    assert check_close_in_norm(found, wanted, 'slopes', zero=1e-6) == 0
    with pytest.raises(Disagreement, match='bias'):
        check_close_in_norm(wanted | {'bias': torch.ones(1)}, wanted, 'slopes', zero=1e-6)
    with pytest.raises(Disagreement, match='weight'):
        check_close_in_norm(wanted | {'weight': torch.zeros(4)}, wanted, 'slopes', zero=1e-6)


def test_other_names_or_shapes_disagree():
    for found in ({'weight': SLOPES['weight']}, SLOPES | {'bias': torch.ones(1)}):
        with pytest.raises(Disagreement, match='bias'):
            check_close_in_norm(found, SLOPES, 'slopes')


def test_a_gradient_that_is_not_there_is_zero():
    layer = torch.nn.Linear(2, 1)
    layer.weight.grad = torch.ones(1, 2)
    found = gradients(layer)
    assert found['weight'].tolist() == [[1, 1]]
    assert found['bias'].tolist() == [0]


def test_tables_hold_figures_and_growth():
    text = markdown([FAST, SQUARE], {'cpu': 'some'})
    assert text.startswith('cpu some\n')
    assert '| encoder | a case |  | 2 x | >= 1.9 |  |' in text
    assert '| step (s) | batch | 2, 4, 8 | 0.4, 1.6, 6.4 | 2.00 |  |' in text


def test_json_gives_back_what_was_measured():
    data = json.loads(as_json([SLOW, SQUARE], {'threads': 1}))
    assert data['machine'] == {'threads': 1}
    assert data['failures'] == []
    (figure,), (growth,) = data['figures'], data['growth']
    assert figure.pop('reached') is False
    assert Figure(**figure) == SLOW
    assert growth.pop('exponent') == pytest.approx(2)
    assert (growth['sizes'], growth['values']) == (list(SQUARE.sizes), list(SQUARE.values))


@pytest.mark.parametrize('stage', command.STAGES)
def test_every_stage_can_be_run_short(stage):
    run = importlib.import_module(f'benchmarks.{stage}').run
    assert list(inspect.signature(run).parameters) == ['short']
