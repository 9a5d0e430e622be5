"""Leave one subject out: every subject is tested once, and the report has the mean."""

import json
import pickle

import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.errors import InputError
from mmcmd.reproduction import report
from mmcmd.reproduction.leave_one_out import LeaveOneOut, folder_of, subjects_of
from mmcmd.reproduction.papers import TABLES
from mmcmd.reproduction.runs import Reproduction


@pytest.fixture(autouse=True)
def in_repository(root, monkeypatch):
    monkeypatch.chdir(root)
    monkeypatch.setenv('PYTHONPATH', str(root))


@pytest.fixture
def with_subjects(tiny_pickle, tmp_path):
    """Return the tiny pickle with two subjects of 12 sequences each."""
    data = load_annotations(tiny_pickle)
    for index, sample in enumerate(data['annotations']):
        sample['subject'] = (10, 2)[index // 4 % 2]
    path = tmp_path / 'subjects.pkl'
    path.write_bytes(pickle.dumps(data))
    return path


@pytest.fixture
def parts(with_subjects, tmp_path):
    """Return the runs for each subject."""
    return {
        subject: Reproduction(
            'synthetic_xsub',
            tmp_path / 'all' / folder_of(subject),
            ann_files={'synthetic_xsub': with_subjects},
            held_out={'without': subject},
        )
        for subject in subjects_of('synthetic_xsub', with_subjects)
    }


def finish(one, accuracy):
    """Write the files of a finished test by nearest neighbours."""
    one.stage.work_dir.mkdir(parents=True)
    entry = dict(last=accuracy, best=accuracy, best_epoch=0)
    names = ('top1', 'motion_top1', 'bone_top1', '3s_top1')
    one.stage.product.write_text(json.dumps({f'knn/{name}': entry for name in names}))
    (one.stage.work_dir / 'stage.done').write_text(f'{one.stage.signature} 1\n')


def test_numbers_are_averaged_over_the_subjects(parts, tmp_path):
    table, one = TABLES['methods'].only(['raw']), LeaveOneOut(parts)
    assert len({run.stage.work_dir for run in one.runs(table)}) == 4
    finish(parts['2'].pretraining('raw', 0), 0.5)
    assert not one.records(table)['raw'][0]['runs'], 'an average over some subjects is no number'
    finish(parts['10'].pretraining('raw', 0), 0.8)
    records = one.records(table)
    runs = records['raw'][0]['runs']
    assert [(run['seed'], run['last']) for run in runs] == [
        ('0, without 2', 50),
        ('0, without 10', 80),
    ]
    assert '--without 10' in runs[1]['command']
    report.write(table, records, one.data, 'small', one.root / 'methods', one.note)
    text = (tmp_path / 'all/methods.md').read_text()
    assert 'the mean over the subjects 2, 10' in text
    assert '| raw | 65.0 ± 21.2 |' in text


def test_one_subject_is_tested_against_all_others(run_tool, tmp_path, with_subjects):
    status, out, err = run_tool(
        'test.py',
        *('configs/benchmarks/knn.py', '--data', 'synthetic_xsub', '--encoder', 'raw'),
        *('--ann-file', with_subjects, '--without', '10', '--work-dir', tmp_path / 'run'),
    )
    assert not status, err
    told = out + err
    assert 'subject 10 (1 of 2) is held out; 12 of 24 sequences are used, those that are' in told
    assert 'subject 10 (1 of 2) is held out; 12 of 24 sequences are used, the rest' in told


def test_plan_counts_the_runs_of_all_subjects(run_tool, tmp_path, with_subjects):
    arguments = ('methods', '--data', 'synthetic', '--ann-file', with_subjects, '--out', tmp_path)
    options = ('--methods', 'raw', '--leave-one-subject-out', '--dry-run')
    status, out, err = run_tool('reproduce.py', *arguments, *options)
    assert not status, err
    assert '4 runs' in out
    assert 'without 10' in out


def test_subjects_are_those_of_the_file(with_subjects, tiny_pickle):
    assert subjects_of('synthetic_xsub', with_subjects) == ['2', '10']
    with pytest.raises(InputError, match="sample00 has no 'subject'"):
        subjects_of('synthetic_xsub', tiny_pickle)


def test_average_over_subjects_cannot_be_compared(run_tool, with_subjects):
    arguments = ('methods', '--data', 'synthetic', '--ann-file', with_subjects)
    status, _, err = run_tool(
        'reproduce.py', *arguments, '--leave-one-subject-out', '--compare', 'raw'
    )
    assert (status, '--compare needs one test split' in err) == (2, True)


def test_runs_inside_the_training_split_say_so(tmp_path):
    reproduction = Reproduction('synthetic_xsub', tmp_path, held_out={'select': 1})
    one = reproduction.pretraining('CMD', 0)
    assert '--select 1' in ' '.join(one.stage.command)
    assert one.config.val_dataloader.dataset.hold_out == dict(fold=1, keep='held_out')
    assert 'a part of the training subjects (fold 1)' in reproduction.note
