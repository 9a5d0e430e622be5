"""Leave one subject out: every subject is tested once, and the report has the average."""

import json
import pickle

import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.errors import InputError
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


def test_each_subject_is_tested_once_and_the_numbers_are_averaged(
    run_tool, tmp_path, with_subjects
):
    arguments = ('methods', '--data', 'synthetic', '--ann-file', with_subjects, '--out', tmp_path)
    options = ('--methods', 'raw', '--leave-one-subject-out')
    status, out, err = run_tool('reproduce.py', *arguments, *options, '--dry-run')
    assert not status, err
    assert '4 runs' in out
    status, out, err = run_tool('reproduce.py', *arguments, *options, '--jobs', 1)
    assert not status, err
    folder = tmp_path / 'synthetic_xsub-bigru-small'
    (row,) = json.loads((folder / 'methods.json').read_text())['rows'].values()
    runs = row[0]['runs']
    assert [run['seed'] for run in runs] == ['0, without 2', '0, without 10']
    assert '--without 10' in runs[1]['command']
    text = (folder / 'methods.md').read_text()
    assert 'the mean over the subjects 2, 10' in text
    mean = (runs[0]['last'] + runs[1]['last']) / 2
    assert f'| raw | {mean:.1f} ± ' in text
    for subject in (2, 10):
        log = (folder / f'without-{subject}/raw-seed0/stage.log').read_text()
        assert f'subject {subject} of 2 is held out, 12 of 24 sequences are these' in log
        assert f'subject {subject} of 2 is held out, 12 of 24 sequences are the rest' in log


def test_average_over_some_of_the_subjects_is_no_number(with_subjects, tmp_path):
    parts = {
        subject: Reproduction(
            'synthetic_xsub',
            tmp_path / folder_of(subject),
            ann_files={'synthetic_xsub': with_subjects},
            held_out={'without': subject},
        )
        for subject in subjects_of('synthetic_xsub', with_subjects)
    }
    table = TABLES['methods'].only(['raw'])
    one = LeaveOneOut(parts)
    assert len({run.stage.work_dir for run in one.runs(table)}) == 4
    stage = parts['2'].pretraining('raw', 0).stage
    stage.work_dir.mkdir(parents=True)
    stage.product.write_text(json.dumps({'knn/top1': dict(last=1, best=1, best_epoch=0)}))
    (stage.work_dir / 'stage.done').write_text(f'{stage.signature} 1\n')
    assert parts['2'].records(table)['raw'][0]['runs']
    assert not one.records(table)['raw'][0]['runs']


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
