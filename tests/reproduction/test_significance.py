"""A difference is significant if it exceeds the spread of the seeds and test sequences."""

import json

import numpy as np
import pytest

from mmcmd.engine.hooks.results_hook import PREDICTIONS
from mmcmd.errors import InputError
from mmcmd.reproduction import report
from mmcmd.reproduction.paper import Cell, Table
from mmcmd.reproduction.runs import Reproduction
from mmcmd.reproduction.significance import difference, differences, holm


def predict(rng, accuracies, hardness, spread):
    """Return correct predictions (S, N) of seeds with different accuracies, on equal sequences."""
    rows = []
    for accuracy in accuracies:
        chance = np.clip(accuracy + rng.normal(0, spread) + hardness, 0, 1)
        rows.append(rng.random(len(hardness)) < chance)
    return np.stack(rows)


def share_of_findings(gap, spread, seeds=3, trials=400):
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(trials):
        hardness = rng.normal(0, 0.2, 300)
        pair = [predict(rng, [x] * seeds, hardness, spread) for x in (0.7, 0.7 - gap)]
        found += difference(*pair).p < 0.05
    return found / trials


@pytest.mark.parametrize('spread', [0.0, 0.03, 0.1])
def test_equal_methods_are_rarely_found_different(spread):
    assert share_of_findings(0, spread) < 0.07


def test_a_test_of_sequences_alone_would_find_differences_that_are_none():
    rng, found = np.random.default_rng(0), 0
    for _ in range(200):
        pair = [predict(rng, [0.7] * 3, np.zeros(300), 0.05) for _ in range(2)]
        means = [x.mean(axis=0)[None] for x in pair]  # as if there were one seed
        found += difference(*means).p < 0.05
    assert found > 40


def test_a_large_difference_is_found_and_a_small_one_among_scattered_seeds_is_not():
    assert share_of_findings(0.2, 0.02) > 0.95
    assert share_of_findings(0.03, 0.05) < 0.2


def test_points_and_p_are_those_of_the_formula_by_hand():
    first = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    second = np.array([[1, 0, 0, 0], [0, 1, 0, 0]], bool)
    found = difference(first, second)
    # Seeds: means 0.5 and 0.25. Sequences: means 0.5, 0.5, 0.5, 0.
    seeds, sequences = 0.03125 / 2, 0.0625 / 4
    freedom = (seeds + sequences) ** 2 / (seeds**2 / 1 + sequences**2 / 3)
    assert freedom == pytest.approx(3)
    assert (found.points, found.seeds) == (37.5, 2)
    # t = 0.375 / sqrt(0.03125) = 2.1213 with 3 degrees of freedom
    assert found.p == pytest.approx(0.1240, abs=2e-4)
    assert difference(second, first).points == -37.5


def test_identical_predictions_do_not_differ_and_opposite_ones_do():
    right = np.ones((3, 10), bool)
    assert difference(right, right).p == 1
    assert difference(right, ~right).p == 0


def test_holm_corrects_for_the_number_of_comparisons():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


class Stored(Reproduction):
    """A reproduction with given predictions in place of runs."""

    def __init__(self, *args):
        super().__init__(*args)
        self.stored = {}

    def predictions(self, cell):
        return self.stored.get((cell.method, cell.stream), {})


@pytest.fixture
def table():
    rows = {x: [Cell(x, 'knn', 'joint'), Cell(x, 'knn', 'bone')] for x in ('A', 'B', 'C', 'D')}
    return Table('Four', ['joint', 'bone'], rows)


@pytest.fixture
def stored(tmp_path):
    rng, labels = np.random.default_rng(1), np.arange(400) % 5
    found = Stored('ntu60_xsub', tmp_path, (0, 1, 2))
    for method, accuracy in (('A', 0.5), ('B', 0.5), ('C', 0.9)):
        found.stored[method, 'joint'] = {
            seed: (np.where(rng.random(400) < accuracy, labels, 5), labels) for seed in range(3)
        }
    return found


def test_methods_of_a_table_are_compared_with_one_of_them(stored, table, tmp_path):
    found = differences(stored, table, 'A')
    assert found['A'] == [None, None]
    assert found['D'] == [None, None], 'it was not run'
    (same, nothing), (better, _) = found['B'], found['C']
    assert nothing is None
    assert better.p < 0.05 < same.p
    assert better.points > 30
    records = {label: [None, None] for label in table.rows}
    report.write(table, records, 'x', 'small', tmp_path / 'four', '', 'A', found)
    text = (tmp_path / 'four.md').read_text()
    assert f'| C | {better} |  |' in text
    assert str(better).endswith(' *')
    assert '| D |  |  |' in text.split('Difference')[0]
    assert '| D |' not in text.split('Difference to A')[1]
    content = json.loads((tmp_path / 'four.json').read_text())
    assert content['differences']['C'][0]['points'] == better.points


def test_seeds_that_only_one_method_has_are_left_out(stored, table):
    del stored.stored['B', 'joint'][1]
    assert differences(stored, table, 'A')['B'][0].seeds == 2


def test_runs_on_other_sequences_are_told(stored, table):
    predicted, labels = stored.stored['B', 'joint'][0]
    stored.stored['B', 'joint'][0] = predicted[:-1], labels[:-1]
    with pytest.raises(InputError, match='B and A were tested on different sequences; run both'):
        differences(stored, table, 'A')


def test_predictions_of_a_run_are_read_by_stream(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    short = Reproduction('synthetic_xsub', tmp_path)
    cell = Cell('CMD', 'knn', '3s')
    run = short.pretraining('CMD', 0)
    assert short.predictions(cell) == {}
    run.stage.work_dir.mkdir(parents=True)
    run.stage.product.write_bytes(b'weights')
    (run.stage.work_dir / 'stage.done').write_text(f'{run.stage.signature} 90\n')
    assert short.predictions(cell) == {}, 'of a run of an earlier version'
    arrays = {'joint': [0, 1], '3s': [1, 1], 'labels': [1, 0]}
    np.savez(run.stage.work_dir / PREDICTIONS, **{x: np.int16(y) for x, y in arrays.items()})
    predicted, labels = short.predictions(cell)[0]
    assert (predicted.tolist(), labels.tolist()) == ([1, 1], [1, 0])
