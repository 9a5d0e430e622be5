import importlib
import inspect
import json
import sys
from types import ModuleType

import pytest
import torch

import benchmarks.__main__ as command
from benchmarks.harness import Disagreement, Figure, Growth, as_json, check_equal, markdown, ratio

FAST = Figure('encoder', 'a case', 2.0, goal='>= 1.9')
SLOW = Figure('encoder', 'another', 1.5, goal='>= 1.9', low=1.4, high=1.6)
SQUARE = Growth('step (s)', 'batch', (2, 4, 8), (0.4, 1.6, 6.4))


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Return a function: run the command with a stage that gives these results, or raises them."""

    def run(*results):
        def stage(short):
            for result in results:
                if isinstance(result, Exception):
                    raise result
                yield result

        module = ModuleType('benchmarks.encoder')
        module.run = stage
        monkeypatch.setitem(sys.modules, 'benchmarks.encoder', module)
        monkeypatch.setattr(sys, 'argv', ['benchmarks', 'encoder', '--out', str(tmp_path)])
        return command.main()

    return run


def test_a_missed_goal_is_reported_and_is_no_failure(bench, tmp_path):
    assert bench(FAST, SLOW) == 0
    rows = (tmp_path / 'bench.md').read_text().splitlines()
    assert [row.split(' | ')[1] for row in rows if 'missed' in row] == ['another']


def test_a_disagreement_fails_and_keeps_what_was_measured_before(bench, tmp_path, capsys):
    assert bench(FAST, Disagreement('losses differ'), SLOW) == 1
    figures = json.loads((tmp_path / 'bench.json').read_text())['figures']
    assert [figure['case'] for figure in figures] == ['a case']
    assert 'disagree: encoder: losses differ' in capsys.readouterr().out


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


def test_tables_hold_figures_and_growth():
    text = markdown([FAST, SQUARE], {'cpu': 'some'})
    assert text.startswith('cpu some\n')
    assert '| encoder | a case |  | 2 x | >= 1.9 |  |' in text
    assert '| step (s) | batch | 2, 4, 8 | 0.4, 1.6, 6.4 | 2.00 |  |' in text


def test_json_gives_back_what_was_measured():
    data = json.loads(as_json([SLOW, SQUARE], {'threads': 1}))
    assert data['machine'] == {'threads': 1}
    (figure,), (growth,) = data['figures'], data['growth']
    assert figure.pop('reached') is False
    assert Figure(**figure) == SLOW
    assert growth.pop('exponent') == pytest.approx(2)
    assert (growth['sizes'], growth['values']) == (list(SQUARE.sizes), list(SQUARE.values))


@pytest.mark.parametrize('stage', command.STAGES)
def test_every_stage_can_be_run_short(stage):
    run = importlib.import_module(f'benchmarks.{stage}').run
    assert list(inspect.signature(run).parameters) == ['short']
