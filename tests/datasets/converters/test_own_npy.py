"""A folder of `.npy` files: one array for each sequence, and labels from a table or the folders."""

import re

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import UNLABELLED, load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.errors import InputError
from mmcmd.inference.reading import read_file

RNG = np.random.default_rng(0)
ONE, TWO = RNG.normal(size=(5, 20, 3)), RNG.normal(size=(2, 4, 20, 3)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'recordings'
    folder.mkdir()
    np.save(folder / 'one.npy', ONE)
    np.save(folder / 'two.npy', TWO)
    return folder


def converted(folder, **options):
    out = folder.parent / 'out.pkl'
    convert('npy', folder, out, layout='kinect_v1', **options)
    return load_annotations(out)


def test_arrays_of_one_and_of_several_persons(folder):
    data = converted(folder)
    one, two = data['annotations']
    assert [x['frame_dir'] for x in (one, two)] == ['one', 'two']
    assert [x['label'] for x in (one, two)] == [UNLABELLED] * 2
    np.testing.assert_array_equal(one['keypoint'], ONE[None].astype(np.float32))
    np.testing.assert_array_equal(two['keypoint'], TWO)


def test_table_may_name_the_files_with_their_ending(folder, tmp_path):
    (tmp_path / 'table.csv').write_text('name,label\none.npy,wave\ntwo,bow\n')
    data = converted(folder, labels=tmp_path / 'table.csv')
    assert data['classes'] == ['bow', 'wave']
    assert [x['label'] for x in data['annotations']] == [1, 0]
    (tmp_path / 'table.csv').rename(folder / 'labels.csv')
    assert [x['label'] for x in converted(folder)['annotations']] == [1, 0]


def test_subfolders_are_classes_without_a_table(folder):
    for name in ('one', 'two'):
        (folder / f'class_{name}').mkdir()
        (folder / f'{name}.npy').rename(folder / f'class_{name}' / 'same.npy')
    data = converted(folder)
    assert data['classes'] == ['class_one', 'class_two']
    assert [x['frame_dir'] for x in data['annotations']] == ['class_one_same', 'class_two_same']


def test_folders_stay_classes_if_the_table_has_no_labels(folder):
    for name, label in (('one', '2023'), ('two', '2024')):
        (folder / label).mkdir()
        (folder / f'{name}.npy').rename(folder / label / f'{name}.npy')
    (folder / 'labels.csv').write_text('name,subject\none,ann\ntwo,bob\n')
    data = converted(folder)
    assert data['classes'] == ['2023', '2024'], 'names of folders are no class numbers'
    assert [(x['label'], x['subject']) for x in data['annotations']] == [(0, 'ann'), (1, 'bob')]
    (folder / 'labels.csv').write_text('name,label\none,wave\n')
    assert [x['label'] for x in converted(folder)['annotations']] == [0, UNLABELLED]


def test_sequence_named_twice_is_refused(folder):
    (folder / 'labels.csv').write_text('name,label\none.npy,wave\none,bow\n')
    with pytest.raises(InputError, match='names a sequence twice, with and without an ending'):
        converted(folder)


def test_ending_of_a_file_may_have_upper_case(folder):
    (folder / 'one.npy').rename(folder / 'one.NPY')
    assert len(converted(folder)['annotations']) == 2


@pytest.mark.parametrize(
    ('array', 'reason'),
    [
        (np.zeros((5, 20, 3)), 'no joint is ever non-zero'),
        (np.full((5, 20, 3), np.nan), 'a coordinate is NaN'),
        (np.ones((5, 21, 3)), r'expected numbers \(T, 20, 3 or 2\).* got \(5, 21, 3\)'),
        (np.ones((5, 60)), r'got \(5, 60\)'),
        (np.ones((3, 5, 20)), r'got \(3, 5, 20\); if the axes are swapped'),
        (np.ones((20, 3)), r'got \(20, 3\)$'),
        (np.ones((2, 5, 20, 4)), r'got \(2, 5, 20, 4\)$'),
        (np.array(['a', 'b']), 'is not an .npy file of numbers'),
    ],
)
def test_array_that_is_no_sequence_is_left_out_with_the_reason(folder, array, reason):
    np.save(folder / 'three.npy', array)
    assert [x['frame_dir'] for x in converted(folder)['annotations']] == ['one', 'two']
    report = (folder.parent / 'out.report.txt').read_text()
    assert re.search(f'three.npy.*{reason}', report)


def test_layout_is_needed_and_a_folder_without_arrays_is_told(tmp_path, folder):
    with pytest.raises(InputError, match='say which joints these are: --layout'):
        convert('npy', folder, tmp_path / 'a.pkl')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match=r'there is no \.npy file in'):
        convert('npy', tmp_path / 'empty', tmp_path / 'a.pkl', layout='ntu')


def test_python_interface_reads_such_a_folder(folder):
    found = read_file(folder, layout='kinect_v1')
    assert [x.name for x in found] == ['one', 'two']
    np.testing.assert_array_equal(found[1].keypoint, TWO)
