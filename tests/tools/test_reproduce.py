"""`tools/reproduce.py`: a table from scratch, the cost of the plan, and mistakes."""

import json

import pytest

DATA = ('--data', 'synthetic')


@pytest.fixture(autouse=True)
def in_repository(root, monkeypatch):
    monkeypatch.chdir(root)
    monkeypatch.setenv('PYTHONPATH', str(root))


def test_raw_coordinates_are_a_row_like_any_other(run_tool, tmp_path, tiny_pickle):
    arguments = ('methods', *DATA, '--ann-file', tiny_pickle, '--out', tmp_path, '--jobs', 1)
    status, _, err = run_tool('reproduce.py', *arguments, '--methods', 'raw')
    assert not status, err
    folder = tmp_path / 'synthetic_xsub-bigru-small'
    (row,) = json.loads((folder / 'methods.json').read_text())['rows'].values()
    metrics = [record['metric'] for record in row]
    assert metrics == [
        *('knn/top1', 'knn/motion_top1', 'knn/bone_top1', 'knn/3s_top1'),
        *('acc/joint_top1', 'acc/motion_top1', 'acc/bone_top1', 'acc/3s_top1'),
    ]
    runs = [record['runs'][0] for record in row]
    assert [run['epochs'] for run in runs] == [0] * 4 + [15] * 4
    assert all(0 <= run['last'] <= 100 for run in runs)
    assert runs[0]['command'].startswith(
        'python tools/test.py configs/benchmarks/knn.py --data synthetic_xsub --encoder raw'
    )
    assert '| raw |' in (folder / 'methods.md').read_text()

    compared = ('--methods', 'raw', '--compare', 'raw')
    status, again, _ = run_tool('reproduce.py', *arguments, *compared)
    assert not status
    assert 'Difference to raw' in (folder / 'methods.md').read_text()
    assert again.count('finished before') == 2


def test_plan_says_what_a_training_costs(run_tool, tmp_path, tiny_pickle):
    arguments = ('table2', *DATA, '--ann-file', tiny_pickle, '--out', tmp_path)
    status, out, err = run_tool('reproduce.py', *arguments, '--dry-run', '--methods', 'MoCo')
    assert not status, err
    assert '270' in out, '18 epochs of 15 sequences'
    assert 'counting: MoCo, seed 0' in out
    assert '1 run, about' in out
    assert not list(tmp_path.iterdir())

    unknown = ('table2', '--data', 'bandai2', '--ann-file', tmp_path / 'no.pkl', '--out', tmp_path)
    status, out, err = run_tool('reproduce.py', *unknown, '--dry-run', '--methods', 'MoCo')
    assert not status, err
    assert 'the hours are unknown' in out


def test_methods_that_a_table_lacks_are_told(run_tool):
    status, _, err = run_tool('reproduce.py', 'table2', *DATA, '--methods', 'AimCLR')
    assert (status, 'table2 has none of the methods AimCLR' in err) == (2, True)
    status, _, err = run_tool('reproduce.py', 'table2', *DATA, '--methods', 'SimCLR')
    assert (status, "there is no method 'SimCLR'" in err) == (2, True)


def test_plan_without_the_data_takes_the_official_numbers(run_tool, tmp_path):
    arguments = ('table2', '--data', 'ntu60_xsub', '--out', tmp_path, '--methods', 'MoCo')
    missing = ('--ann-file', tmp_path / 'missing.pkl')
    status, out, err = run_tool('reproduce.py', *arguments, *missing, '--dry-run')
    assert not status, err
    assert 'official number of sequences' in out
    assert 'about 0.0 hours' not in out


def test_options_for_slurm_that_cannot_be_read_are_told(run_tool):
    status, _, err = run_tool('reproduce.py', 'table2', *DATA, '--slurm', 'gpu')
    assert (status, "--slurm takes OPTION=VALUE without dashes, got 'gpu'" in err) == (2, True)


def test_report_without_any_run_is_refused_and_not_written(run_tool, tmp_path, tiny_pickle):
    arguments = ('table2', *DATA, '--ann-file', tiny_pickle, '--out', tmp_path)
    status, out, err = run_tool('reproduce.py', *arguments, '--report-only')
    assert status == 2
    assert '--report-only: there are no finished runs, so no table was written' in err
    assert 'table2 on synthetic_xsub has no finished run in' in out
    assert not list(tmp_path.iterdir())
