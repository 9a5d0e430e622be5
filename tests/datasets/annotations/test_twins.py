"""Twins are dropped on request, or noted in the file; a run that tests on them warns once."""

import pickle

import numpy as np
import pytest

from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.annotations.twins import leak_warning
from mmcmd.datasets.converters import convert


@pytest.fixture
def source(tmp_path):
    """Return a pickle in which one of two test sequences is also in the training split."""
    rng = np.random.default_rng(0)
    names = list('abcdef')
    annotations = [
        dict(
            frame_dir=name,
            label=index % 2,
            keypoint=rng.normal(size=(1, 3, 25, 3)).astype(np.float32),
            total_frames=3,
            subject=index,
        )
        for index, name in enumerate(names)
    ]
    annotations[4]['keypoint'] = annotations[1]['keypoint'].copy()
    split = {'xsub_train': names[:4], 'xsub_val': names[4:], 'rest_train': names[2:]}
    path = tmp_path / 'source.pkl'
    path.write_bytes(pickle.dumps(dict(annotations=annotations, split=split, layout='ntu')))
    return path


def test_conversion_reports_twins_across_splits_and_notes_them(source, tmp_path, told):
    convert('pyskl', source, tmp_path / 'out.pkl')
    line = 'LEAK: 1 of 2 (50.0 %) sequences of xsub_val are also in xsub_train, such as b and e'
    assert line in (tmp_path / 'out.report.txt').read_text()
    assert line in told.text
    assert load_annotations(tmp_path / 'out.pkl')['leaks'] == {'xsub_val': ['xsub_train', 1, 2]}


def test_training_warns_once_of_a_split_with_twins(source, tmp_path, told):
    convert('pyskl', source, tmp_path / 'out.pkl')
    told.clear()
    kept = [
        SkeletonDataset(str(tmp_path / 'out.pkl'), [], split=split)
        for split in ('xsub_train', 'xsub_val', 'xsub_val')
    ]
    assert len(kept) == 3
    assert told.text.count('1 of 2 (50.0 %) sequences of xsub_val are also in xsub_train') == 1


def test_training_that_does_not_read_the_test_split_is_not_warned(source, tmp_path, told):
    convert('pyskl', source, tmp_path / 'out.pkl')
    told.clear()
    path = str(tmp_path / 'out.pkl')
    SkeletonDataset(path, [], split='xsub_train', hold_out=dict(fold=0, keep='held_out'))
    assert 'are also in' not in told.text


def test_twins_are_dropped_on_demand(source, tmp_path, told):
    summary = convert('pyskl', source, tmp_path / 'out.pkl', drop_twins=True)
    assert summary.left_out == [('e', 'e: a twin of b')]
    data = load_annotations(tmp_path / 'out.pkl')
    assert [sample['frame_dir'] for sample in data['annotations']] == list('abcdf')
    assert data['split']['xsub_val'] == ['f']
    assert 'leaks' not in data
    assert 'e: a twin of b' in (tmp_path / 'out.report.txt').read_text()
    assert 'are also in' not in told.text


def test_note_of_an_earlier_conversion_is_not_kept(source, tmp_path):
    first, second = tmp_path / 'first.pkl', tmp_path / 'second.pkl'
    convert('pyskl', source, first)
    convert('pyskl', first, second, drop_twins=True)
    assert 'leaks' not in load_annotations(second)


@pytest.mark.parametrize(
    'note', [None, 3, {'val': 1}, {'val': ['a', 1]}, {'val': [1, 2, 3]}, {'val': ['a', 'b', 3]}]
)
def test_note_that_makes_no_sense_is_ignored(note):
    assert leak_warning({'leaks': note}, 'val') is None
