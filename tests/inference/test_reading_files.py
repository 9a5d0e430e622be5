"""A file of any format of `convert.py` gives the same joints as its conversion."""

import pickle
import sys

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.errors import InputError
from mmcmd.inference import PickleRecordings, read_file
from mmcmd.skeletons import get_layout
from mmcmd.synthetic import FORMATS, generate


def check(found, converted):
    """Compare recordings with the annotations of a pickle."""
    data = load_annotations(converted)
    assert [x.name for x in found] == [x['frame_dir'] for x in data['annotations']]
    for recording, sample in zip(found, data['annotations'], strict=True):
        np.testing.assert_array_equal(recording.keypoint, sample['keypoint'])
        assert recording.label == sample['label']
        assert not recording.layout.difference(get_layout(data['layout']))


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    """Return a function: format -> folder with a recording or two."""

    def make(fmt):
        folder = tmp_path_factory.mktemp(fmt) / 'raw'
        limits = {'replications': 1} if fmt in ('utdmhad', 'msraction3d', 'utkinect') else {}
        generate(folder, FORMATS[fmt].plan(subjects=1, actions=2, **limits), fmt=fmt)
        return folder

    return make


@pytest.mark.parametrize('fmt', [x for x in FORMATS if x != 'bandai2'])
def test_folder_of_raw_files_is_guessed(raw, tmp_path, fmt):
    folder = raw(fmt)
    convert(fmt, folder, tmp_path / 'converted.pkl')
    found = read_file(folder)
    check(sorted(found, key=lambda x: x.name), tmp_path / 'converted.pkl')


@pytest.mark.parametrize('fmt', ['ntu', 'utdmhad', 'msraction3d'])
def test_single_raw_file_is_read(raw, tmp_path, fmt):
    path = next(x for x in sorted(raw(fmt).rglob('*')) if x.is_file() and 'SYNTH' not in x.name)
    (tmp_path / 'one').mkdir()
    (tmp_path / 'one' / path.name).write_bytes(path.read_bytes())
    convert(fmt, tmp_path / 'one', tmp_path / 'converted.pkl')
    check(read_file(path), tmp_path / 'converted.pkl')


def test_skeleton_file_may_have_any_name(raw, tmp_path):
    path = next(raw('ntu').rglob('*.skeleton'))
    (tmp_path / 'wave.skeleton').write_bytes(path.read_bytes())
    (found,), (named,) = read_file(tmp_path / 'wave.skeleton'), read_file(path)
    assert (found.name, found.label) == ('wave', -1)
    assert named.label >= 0
    np.testing.assert_array_equal(found.keypoint, named.keypoint)


def test_bvh_file_is_read(root, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'path', [*sys.path, str(root / 'tests/datasets/converters')])
    from bvh_writing import bvh_text

    (tmp_path / 'one').mkdir()
    (tmp_path / 'one' / 'walk.bvh').write_text(bvh_text())
    convert('bvh', tmp_path / 'one', tmp_path / 'converted.pkl')
    (found,) = read_file(tmp_path / 'one' / 'walk.bvh')
    (sample,) = load_annotations(tmp_path / 'converted.pkl')['annotations']
    np.testing.assert_array_equal(found.keypoint, sample['keypoint'])
    assert found.layout.joints[0] == 'hips'


def table(joints):
    """Write joints (T, V, C) as a table of the format csv."""
    header = [f'{axis}{joint}' for joint in range(joints.shape[1]) for axis in 'xyz']
    rows = [','.join(map(repr, frame.ravel().tolist())) for frame in joints]
    return '\n'.join([','.join(header), *rows])


def save_npz(path, joints):
    np.savez(path, keypoint=joints, total_frames=[8, 12], frame_dir=['a', 'b'], label=['x', 'y'])


def write(folder, kind, joints):
    """Write 20 frames of a person in a common format; return the file."""
    path = folder / f'mine.{kind}'
    if kind == 'csv':
        path.write_text(table(joints))
    elif kind == 'npy':
        np.save(path, joints)
    elif kind == 'npz':
        np.savez(path, mine=joints)
    else:
        path.write_bytes(pickle.dumps(joints))
    return path


@pytest.mark.parametrize('kind', ['csv', 'npy', 'npz', 'pkl'])
def test_file_of_one_array_is_a_recording_of_the_encoder_s_layout(tmp_path, joints, kind):
    (found,) = read_file(write(tmp_path, kind, joints), default_layout=get_layout('ntu'))
    np.testing.assert_allclose(found.keypoint[0], joints, rtol=1e-6)
    assert found.name == 'mine'


@pytest.mark.parametrize('kind', ['npy', 'npz', 'pkl'])
def test_file_without_its_ending_is_known_by_its_first_bytes(tmp_path, joints, kind):
    path = write(tmp_path, kind, joints).rename(tmp_path / 'upload')
    assert len(read_file(path)) == 1


def test_archive_of_sequences_is_cut(tmp_path, joints):
    save_npz(tmp_path / 'mine.npz', joints)
    found = read_file(tmp_path / 'mine.npz', layout='ntu')
    assert [(x.name, x.num_frames, x.label) for x in found] == [('a', 8, 0), ('b', 12, 1)]
    assert found.classes == ['x', 'y']


def test_pickle_gives_its_split_layout_and_fields(tiny_pickle, tmp_path):
    data = pickle.loads(tiny_pickle.read_bytes())
    for sample in data['annotations']:
        sample['subject'] = np.int64(7)
    (tmp_path / 'tiny.pkl').write_bytes(pickle.dumps(data | {'classes': ['a', 'b', 'c', 'd']}))
    found = PickleRecordings(tmp_path / 'tiny.pkl', 'xsub_val')
    assert found.names == [x.name for x in found] == data['split']['xsub_val']
    assert found.labels == [x.label for x in found]
    assert found.classes == ['a', 'b', 'c', 'd']
    assert (found[0].fields, found[0].layout.name) == ({'subject': 7}, 'ntu')


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('notes.md', b'hello', r'notes\.md has no known format; its name does not end in'),
        ('mine.npz', b'PK', r'these were tried: npz \(.*; ctrgcn \(.*; array \(.*fmt=NAME'),
        ('a.skeleton', b'one', r'a\.skeleton cannot be read in the format ntu \(.*a\.skeleton'),
        ('a.bvh', b'HIER', r'tried: bvh \(.*; bandai2 \('),
        ('a.pkl', pickle.dumps(['x']), r'tried: pickle \(.*; array \(.*holds no array'),
        ('a.csv', b'x0,y0\n1,2', r'format csv \(.*a\.csv: column|2 columns'),
    ],
)
def test_file_that_cannot_be_read_is_told_with_all_that_was_tried(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_file(tmp_path / name, default_layout=get_layout('ntu'))
    assert '\n' not in str(error.value)
    assert 'reading.' not in str(error.value)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'fmt': 'pickel'}, r"unknown format 'pickel' \(did you mean 'pickle'\?\)"),
        ({'layout': 'coco'}, r"joints of layout 'ntu', and not 'coco'"),
        ({'split': 'nothing'}, "has no split 'nothing'"),
        ({'split': 'xsub_val', 'fmt': 'npz'}, 'only a pickle has splits'),
    ],
)
def test_option_that_does_not_fit_the_file_is_told(tiny_pickle, options, message):
    with pytest.raises(InputError, match=message):
        read_file(tiny_pickle, **options)


@pytest.mark.parametrize('name', ['a.pkl', 'a.pickle'])
def test_no_other_format_is_tried_for_a_split_that_is_not_there(tiny_pickle, tmp_path, name):
    (tmp_path / name).write_bytes(tiny_pickle.read_bytes())
    with pytest.raises(InputError, match="has no split 'nothing'") as error:
        read_file(tmp_path / name, split='nothing')
    assert 'were tried' not in str(error.value)


def test_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r'nothing\.npy does not exist'):
        read_file(tmp_path / 'nothing.npy')


def test_broken_file_of_a_folder_is_left_out_and_told(raw, tmp_path, told):
    folder = tmp_path / 'raw'
    folder.mkdir()
    good = next(raw('ntu').rglob('*.skeleton'))
    (folder / good.name).write_bytes(good.read_bytes())
    (folder / 'S001C001P001R001A060.skeleton').write_text('nonsense')
    assert [x.name for x in read_file(folder)] == [good.stem]
    assert '1 of 2 recordings are left out' in told.text
