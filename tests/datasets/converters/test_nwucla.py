"""Northwestern-UCLA: JSON files as published, splits, bad files."""

import json

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import NWUCLAConverter, convert
from mmcmd.errors import InputError
from mmcmd.synthetic import FORMATS, generate

BODY = np.random.default_rng(0).normal(size=(3, 20, 3)).round(6)


@pytest.fixture
def make_source(tmp_path):
    def make(*files):
        folder = tmp_path / 'nw/all_sqe'
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / 'nw'

    return make


def published(name, label, skeletons=BODY):
    return name + '.json', json.dumps(
        {'file_name': name, 'skeletons': np.asarray(skeletons).tolist(), 'label': label}
    )


def test_a_published_file_survives_the_way_to_the_pickle(tmp_path, make_source):
    source = make_source(published('a12_s10_e01_v03', 10), published('a08_s01_e00_v01', 7))
    convert('nwucla', source, tmp_path / 'nw.pkl', strict=True, test_subject=1)
    data = load_annotations(tmp_path / 'nw.pkl')
    assert data['layout'] == 'kinect_v1'
    assert (len(data['classes']), data['classes'][6]) == (10, 'donning')
    first, second = data['annotations']
    np.testing.assert_array_equal(first['keypoint'], BODY[None].astype(np.float32))
    assert [first[key] for key in ('frame_dir', 'label', 'subject', 'environment', 'view')] == [
        *('a08_s01_e00_v01', 6, 1, 0, 1)
    ]
    assert (second['label'], second['total_frames']) == (9, 3)
    assert data['split']['xsub_val'] == ['a08_s01_e00_v01']


def test_action_numbers_have_two_gaps(make_source):
    actions = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
    source = make_source(
        *(published(f'a{a:02}_s01_e00_v01', label) for label, a in enumerate(actions, start=1))
    )
    converter = NWUCLAConverter()
    assert [converter.read(item)['label'] for item in converter.scan(source)] == list(range(10))


def test_splits_are_by_view_and_by_the_subject_held_out():
    everyone = [
        dict(frame_dir=f's{subject:02}v{view}', subject=subject, view=view)
        for subject in range(1, 11)
        for view in (1, 2, 3)
    ]
    splits = NWUCLAConverter().splits(everyone)
    assert {name[-1] for name in splits['xview_train']} == {'1', '2'}
    assert {name[-1] for name in splits['xview_val']} == {'3'}
    assert {name[:3] for name in splits['xsub_val']} == {'s10'}
    assert len(splits['xsub_train']) == 27
    assert {n[:3] for n in NWUCLAConverter(test_subject=4).splits(everyone)['xsub_val']} == {'s04'}
    with pytest.raises(InputError, match='test_subject must lie in'):
        NWUCLAConverter(test_subject=11)


NESTED = '[' * 100_000


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a08_s01_e00.json', '{}', 'expected a name such as a08_s01_e00_v01'),
        ('a07_s01_e00_v01.json', '{}', 'there is no action 7'),
        ('a08_s01_e00_v01.json', '', 'is not valid JSON'),
        ('a08_s01_e00_v01.json', '{"skeletons": [[', 'is not valid JSON'),
        ('a08_s01_e00_v01.json', b'\x89PNG\xff\xfe', 'is not valid JSON'),
        ('a08_s01_e00_v01.json', NESTED, 'nested too deeply'),
        ('a08_s01_e00_v01.json', '[]', 'expected an object with skeletons and label'),
        ('a08_s01_e00_v01.json', '{"skeletons": []}', 'expected an object with'),
        (*published('a08_s01_e00_v01', 8), 'label 8, but action 8 is class 7'),
        (*published('a01_s01_e00_v01', True), 'label True, but action 1 is class 1'),
        (*published('a01_s01_e00_v01', 1, 5), r'must be numbers \(T, 20, 3\)'),
        (*published('a01_s01_e00_v01', 1, BODY[:, :19]), r'must be numbers.*\(3, 19, 3\)'),
        (*published('a01_s01_e00_v01', 1, BODY.astype(str)), 'must be numbers'),
        (*published('a01_s01_e00_v01', 1, np.zeros((0, 20, 3))), 'must be numbers'),
        (*published('a01_s01_e00_v01', 1, BODY * 0), 'ever non-zero'),
        (*published('a01_s01_e00_v01', 1, BODY * np.nan), 'a number is NaN'),
        ('a01_s01_e00_v01.json', '{"label": 1, "skeletons": [[1], [2, 3]]}', 'is no array'),
        ('a01_s01_e00_v01.json', '{"label": 1, "skeletons": ' + '9' * 5000 + '}', 'not valid'),
        (
            'a01_s01_e00_v01.json',
            '{"label": 1, "skeletons": [[' + ','.join(['[1e999,0,0]'] * 20) + ']]}',
            'NaN or infinite',
        ),
    ],
)
def test_bad_file_is_told_in_a_sentence(make_source, name, content, message):
    (item,) = NWUCLAConverter().scan(make_source((name, content)))
    with pytest.raises(ValueError, match=rf'all_sqe/{name}.*{message}') as caught:
        NWUCLAConverter().read(item)
    assert '\n' not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_source_that_is_no_such_folder_is_told(make_source):
    source = make_source(('readme.md', ''))
    with pytest.raises(InputError, match=r'there is no \.json file'):
        NWUCLAConverter().scan(source)
    with pytest.raises(InputError, match='is a file, expected a folder'):
        NWUCLAConverter().scan(source / 'all_sqe/readme.md')


def test_synthetic_files_convert_without_a_complaint(tmp_path):
    generate(tmp_path / 'raw', FORMATS['nwucla'].plan(subjects=2), fmt='nwucla')
    convert('nwucla', tmp_path / 'raw', tmp_path / 'a.pkl', strict=True)
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['synthetic'] is True
    assert {sample['label'] for sample in data['annotations']} == set(range(10))
    assert len(data['split']['xview_val']) == 20
