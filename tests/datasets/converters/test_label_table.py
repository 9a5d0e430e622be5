"""Sequences without labels, and tables that add labels later."""

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import UNLABELLED, load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.datasets.converters.label_table import read_labels
from mmcmd.errors import InputError

NAMES = ['a', 'b', 'c']


@pytest.fixture
def archive(tmp_path):
    """Return a function: arrays besides the joints of three sequences -> archive."""

    def save(**arrays):
        keypoint = np.random.default_rng(0).normal(size=(9, 21, 3))
        frames = np.array([2, 3, 4])
        np.savez(tmp_path / 'mine.npz', keypoint=keypoint, total_frames=frames, **arrays)
        return tmp_path / 'mine.npz'

    return save


@pytest.fixture
def tables(tmp_path):
    """Return a folder of three tables, without labels.csv."""
    (tmp_path / 'tables').mkdir()
    header = ','.join(f'{axis}{joint}' for joint in range(21) for axis in 'xyz')
    for name in NAMES:
        row = ','.join(map(str, np.arange(63) + ord(name)))
        (tmp_path / f'tables/{name}.csv').write_text(f'{header}\n{row}\n')
    return tmp_path / 'tables'


def converted(fmt, source, **options):
    """Return labels, splits, class names and report of a conversion."""
    out = source.parent / 'out.pkl'
    convert(fmt, source, out, layout='bandai2', **options)
    data = load_annotations(out)
    labels = [sample['label'] for sample in data['annotations']]
    report = out.with_name('out.report.txt').read_text()
    return labels, data['split'], data.get('classes'), report


def test_archive_without_labels_converts_and_can_train(archive):
    labels, split, classes, report = converted('npz', archive())
    assert labels == [UNLABELLED] * 3
    assert split == {'all': ['000000', '000001', '000002'], 'all_train': split['all']}
    assert classes is None
    assert 'sequences without a label: 3' in report


def test_some_sequences_of_an_archive_may_have_no_label(archive):
    for given, expected, names in (
        (np.array([1, -1, 0]), [1, UNLABELLED, 0], None),
        (np.array(['run', '', 'bow']), [1, UNLABELLED, 0], ['bow', 'run']),
    ):
        labels, split, classes, report = converted('npz', archive(label=given))
        assert (labels, classes) == (expected, names)
        assert list(split) == ['all']
        assert 'sequences without a label: 1' in report
        assert 'sequences per label (2)' in report


def test_labels_may_come_later_for_some(tmp_path, archive, tables):
    table = tmp_path / 'later.csv'
    table.write_text('name,label,split\nb,walk,mine_train\nc,,mine_val\n')
    for fmt, source in (('npz', archive(frame_dir=np.array(NAMES))), ('csv', tables)):
        labels, split, classes, _ = converted(fmt, source, labels=table)
        assert labels == [UNLABELLED, 0, UNLABELLED]
        assert split == {'all': ['a'], 'mine_train': ['b'], 'mine_val': ['c']}
        assert classes == ['walk']


def test_table_replaces_what_the_source_says(tmp_path, archive):
    (tmp_path / 'later.csv').write_text('name,label\na,9\nb,\n')
    source = archive(frame_dir=np.array(NAMES), label=np.array([3, 4, 5]))
    assert converted('npz', source, labels=tmp_path / 'later.csv')[0] == [9, 4, 5]


def test_folder_of_tables_needs_no_labels(tables):
    assert converted('csv', tables)[0] == [UNLABELLED] * 3
    (tables / 'labels.csv').write_text('name,subject\na,ann\nb,bob\nc,ann\n')
    labels, split, _, report = converted('csv', tables)
    assert labels == [UNLABELLED] * 3
    assert 'ann: 2' in report
    assert 'all_train' in split


def test_table_that_fits_nothing_is_told(tmp_path, archive):
    source = archive(frame_dir=np.array(NAMES))
    (tmp_path / 'later.csv').write_text('name,label\nx,1\n')
    with pytest.raises(InputError, match=r"names none of the 3 .* 'a', but the first .* 'x'"):
        converted('npz', source, labels=tmp_path / 'later.csv')
    with pytest.raises(InputError, match=r'there is no .*absent\.csv'):
        converted('npz', source, labels=tmp_path / 'absent.csv')


def test_names_without_a_sequence_are_told_and_the_others_used(tmp_path, archive, told):
    (tmp_path / 'later.csv').write_text('name,label\na,1\nx,1\ny,1\n')
    source = archive(frame_dir=np.array(NAMES))
    assert converted('npz', source, labels=tmp_path / 'later.csv')[0] == [1, -1, -1]
    assert 'later.csv: names without a sequence: 2, such as x' in told.text
    assert '2 of 3 sequences have no label' in told.text


def test_columns_may_stand_in_any_order(tmp_path):
    path = tmp_path / 'labels.csv'
    path.write_text('\ufefflabel, name ,subject\r\n10,one,ann\r\n\r\n,two,bob\r\n', newline='')
    assert read_labels(path) == {
        'one': {'label': '10', 'subject': 'ann'},
        'two': {'subject': 'bob'},
    }
