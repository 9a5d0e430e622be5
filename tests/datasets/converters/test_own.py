"""Your own data: archives and tables with any joints, and the messages for bad ones."""

import json

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import archives, convert
from mmcmd.datasets.skeleton_dataset import SkeletonDataset
from mmcmd.datasets.transforms import normalize_skeleton
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout

LAYOUT = dict(
    name='stick',
    joints=['hip', 'neck', 'shoulder_left', 'shoulder_right'],
    parents=[0, 0, 1, 1],
    centre=0,
    spine=[0, 1],
    shoulders=[2, 3],
)


@pytest.fixture
def layout(tmp_path):
    """Return a function: changed fields -> JSON file of a layout."""

    def write(**changes):
        (tmp_path / 'layout.json').write_text(json.dumps(LAYOUT | changes))
        return tmp_path / 'layout.json'

    return write


@pytest.fixture
def arrays():
    keypoint = np.random.default_rng(0).normal(size=(9, 2, 4, 3)).astype(np.float32)
    keypoint[2:5, 1] = 0
    return dict(
        keypoint=keypoint,
        total_frames=np.array([2, 3, 4]),
        label=np.array(['walk', 'run', 'walk']),
        frame_dir=np.array(['a', 'b', 'c']),
        split=np.array(['train', 'train', 'val']),
        subject=np.array([7, 8, 9]),
    )


@pytest.fixture
def save(tmp_path):
    def save(arrays, how=np.savez):
        how(tmp_path / 'mine.npz', **arrays)
        return tmp_path / 'mine.npz'

    return save


def test_archive_is_cut_into_sequences(tmp_path, layout, arrays, save):
    convert('npz', save(arrays), tmp_path / 'a.pkl', layout=layout(), jobs=2)
    data = load_annotations(tmp_path / 'a.pkl')
    assert get_layout(data['layout']) == get_layout(LAYOUT)
    assert data['classes'] == ['run', 'walk']
    assert data['split'] == {'train': ['a', 'b'], 'val': ['c']}
    assert [sample['label'] for sample in data['annotations']] == [1, 0, 1]
    assert [sample['subject'] for sample in data['annotations']] == [7, 8, 9]
    a, b, c = (sample['keypoint'] for sample in data['annotations'])
    assert [x.shape for x in (a, b, c)] == [(2, 2, 4, 3), (1, 3, 4, 3), (2, 4, 4, 3)]
    np.testing.assert_array_equal(c[1, 3], arrays['keypoint'][8, 1])
    assert all(type(sample['label']) is int for sample in data['annotations'])


def test_archive_of_the_least_that_there_must_be(tmp_path, arrays, save):
    keypoint = np.asfortranarray(np.arange(1, 9 * 21 * 2 + 1).reshape(9, 21, 2))
    arrays = dict(keypoint=keypoint, total_frames=arrays['total_frames'], label=np.array([3, 0, 3]))
    convert('npz', save(arrays, np.savez_compressed), tmp_path / 'a.pkl', layout='bandai2')
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['layout'] == 'bandai2'
    assert 'classes' not in data
    assert data['split'] == {'all': ['000000', '000001', '000002']}
    assert [sample['label'] for sample in data['annotations']] == [3, 0, 3]
    np.testing.assert_array_equal(data['annotations'][1]['keypoint'][0], keypoint[2:5])


def test_bad_sequences_are_skipped_and_named(tmp_path, layout, arrays, save):
    arrays['keypoint'][0, 0, 0, 0] = np.nan
    arrays['keypoint'][2:5] = 0
    arrays['label'] = np.array([0, 0, 1])
    arrays = {key: np.concatenate([x, x]) for key, x in arrays.items()}
    arrays['frame_dir'] = np.array([*'abcdef'])
    arrays['label'][3] = -2
    arrays['total_frames'][4:] = (7, 0)
    summary = convert('npz', save(arrays), tmp_path / 'a.pkl', layout=layout())
    assert [sample['frame_dir'] for sample in summary.annotations] == ['c', 'e']
    nan, zero, label, none = (reason for _, reason in summary.skipped)
    assert 'mine.npz: a: a coordinate is NaN' in nan
    assert 'b: no joint is ever non-zero' in zero
    assert 'd: label -2, expected >= 0' in label
    assert 'f: no joint is ever' in none


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('keypoint', None, "has no array 'keypoint'"),
        ('total_frames', None, "has no array 'total_frames'"),
        ('keypoint', np.zeros((9, 25, 3)), r'numbers \(sum of T, 4, 3 or 2\)'),
        ('keypoint', np.zeros((9, 4, 4)), r'numbers \(sum of T, 4, 3 or 2\)'),
        ('keypoint', np.zeros((9, 12)), r'numbers \(sum of T, 4, 3 or 2\)'),
        ('keypoint', np.full((9, 4, 3), '1'), r'numbers \(sum of T, 4, 3 or 2\)'),
        ('total_frames', np.array([2, 3, 5]), 'add up to 10, keypoint has 9'),
        ('total_frames', np.array([-2, 3, 8]), 'add up to 9, keypoint has 9'),
        ('total_frames', np.array([2**62, 2**62, 2**62]), 'keypoint has 9'),
        ('total_frames', np.array([2.0, 3, 4]), 'total_frames must be integers'),
        ('label', np.array([0, 1]), 'label must be integers or text of shape'),
        ('label', np.array([0.5, 1, 1]), 'label must be integers or text of shape'),
        ('split', np.array([0, 1, 1]), 'split must be text'),
        ('parents', np.array([-1, 0, 1, 2]), 'parents differ'),
        ('parents', np.array(['a']), 'parents differ'),
        ('frame_dir', np.array([{}, {}, {}]), 'frame_dir'),
    ],
)
def test_archive_that_differs_is_told(tmp_path, layout, arrays, save, key, value, message):
    changed = {**arrays, key: value}
    path = save({k: x for k, x in changed.items() if x is not None})
    with pytest.raises(InputError, match=rf'mine\.npz.*{message}'):
        convert('npz', path, tmp_path / 'a.pkl', layout=layout())


def test_parents_that_agree_pass(tmp_path, layout, arrays, save):
    path = save({**arrays, 'parents': np.array([-1, 0, 1, 1])})
    assert len(convert('npz', path, tmp_path / 'a.pkl', layout=layout()).annotations) == 3


def test_archive_that_inflates_beyond_reason_is_refused(
    tmp_path, layout, arrays, save, monkeypatch
):
    monkeypatch.setattr(archives, '_SMALL', 1 << 20)
    arrays['keypoint'] = np.zeros((200_000, 4, 3), np.int8)
    path = save(arrays, np.savez_compressed)
    with pytest.raises(InputError, match=r'keypoint would unpack .* too much for a recording'):
        convert('npz', path, tmp_path / 'a.pkl', layout=layout())


def test_trunk_and_parts_of_a_layout_reach_the_samples(tmp_path, layout, arrays, save):
    parts = [[0, 1], [2], [3], [], []]
    convert('npz', save(arrays), tmp_path / 'a.pkl', layout=layout(parts=parts, trunk=1))
    written = load_annotations(tmp_path / 'a.pkl')['layout']
    sample = SkeletonDataset(str(tmp_path / 'a.pkl'), [], layout=written)[0]
    found = get_layout(sample['layout'])
    assert (found.trunk, found.parts) == (1, ((0, 1), (2,), (3,), (), ()))
    SkeletonDataset(str(tmp_path / 'a.pkl'), [], layout=LAYOUT)  # its joints are the same


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 not a zip', b'\x80\x04N.'])
def test_file_that_is_no_archive_is_told(tmp_path, layout, content):
    (tmp_path / 'mine.npz').write_bytes(content)
    for source in (tmp_path / 'mine.npz', tmp_path):
        with pytest.raises(InputError, match=r'is not an \.npz file'):
            convert('npz', source, tmp_path / 'a.pkl', layout=layout())


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'parents': [0, 0, 1]}, '4 joints but 3 parents'),
        ({'parents': [4, 0, 1, 1]}, r'must lie in \[0, 3\]'),
        ({'parents': [0, 0, 1, 1.5]}, 'an integer'),
        ({'centre': True}, 'an integer'),
        ({'trunk': 1.0}, 'an integer'),
        ({'parts': [[0, 1.0], [2], [3], [], []]}, 'an integer'),
        ({'parts': [[0, 1], [2], [], [], []]}, 'exactly once'),
        ({'parts': 5}, 'parts must be trunk'),
        ({'spine': [0]}, 'must be two joints'),
        ({'joints': [1, 2, 3, 4]}, 'must be text'),
        ({'colour': 'red'}, 'colour'),
    ],
)
def test_layout_that_makes_no_sense_is_told(tmp_path, layout, arrays, save, changes, message):
    with pytest.raises(InputError, match=rf'layout\.json: .*{message}'):
        convert('npz', save(arrays), tmp_path / 'a.pkl', layout=layout(**changes))


def test_layout_must_be_given_and_be_there(tmp_path, arrays, save):
    path, out = save(arrays), tmp_path / 'a.pkl'
    with pytest.raises(InputError, match='say which joints these are: --layout'):
        convert('npz', path, out)
    with pytest.raises(InputError, match=r'layouts are .*bandai2, .* or a JSON file'):
        convert('npz', path, out, layout='martian')
    for text in ('[1]', 'joints', '[' * 99_999):
        (tmp_path / 'layout.json').write_text(text)
        with pytest.raises(InputError, match=r'layout\.json.*(is not JSON|expected an object)'):
            convert('npz', path, out, layout=tmp_path / 'layout.json')


@pytest.fixture
def table():
    """Return a function: array (T, M, V, C) -> text of a table."""

    def write(keypoint, prefix=None):
        _, persons, joints, axes = keypoint.shape
        prefix = persons > 1 if prefix is None else prefix
        names = [
            (f'p{m}_' if prefix else '') + f'{axis}{v}'
            for m in range(persons)
            for v in range(joints)
            for axis in 'xyz'[:axes]
        ]
        rows = [','.join(map(repr, frame.ravel().tolist())) for frame in keypoint]
        return '\n'.join([','.join(names), *rows, ''])

    return write


@pytest.fixture
def folder(tmp_path, table):
    """Return a function: files to text, on top of two good tables -> folder."""
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(3, 1, 4, 3)), rng.normal(size=(5, 2, 4, 3))

    def write(**files):
        texts = {'one': table(one), 'two': table(two)}
        texts['labels'] = 'name,label,split\none,walk,train\ntwo.csv,run,val\n'
        (tmp_path / 'mine').mkdir(exist_ok=True)
        for name, text in (texts | files).items():
            (tmp_path / f'mine/{name}.csv').write_text(text)
        return tmp_path / 'mine'

    write.arrays = one, two
    return write


def test_tables_become_sequences(tmp_path, layout, folder):
    convert('csv', folder(), tmp_path / 'a.pkl', layout=layout())
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['classes'] == ['run', 'walk']
    assert data['split'] == {'train': ['one'], 'val': ['two']}
    assert [sample['label'] for sample in data['annotations']] == [1, 0]
    for sample, keypoint in zip(data['annotations'], folder.arrays, strict=True):
        expected = keypoint.swapaxes(0, 1).astype(np.float32)
        np.testing.assert_array_equal(sample['keypoint'], expected)


def test_tables_of_points_in_an_image_with_holes(tmp_path, layout, folder, table):
    text = table(np.full((2, 1, 4, 2), 5.0)).replace('5.0', '', 2)
    labels = 'label, name ,subject\r\n10,one,ann\r\n\r\n2,two,bob\r\n'
    source = folder(labels='\ufeff' + labels, one=text.replace('\n', '\r\n'))
    summary = convert('csv', source, tmp_path / 'a.pkl', layout=layout())
    ((_, reason),) = summary.skipped
    assert 'one.csv: has only x and y, so the layout must have no spine' in reason
    convert('csv', source, tmp_path / 'a.pkl', layout=layout(spine=None, shoulders=None))
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['split'] == {'all': ['one', 'two']}
    assert [sample['label'] for sample in data['annotations']] == [10, 2]
    assert data['annotations'][0]['subject'] == 'ann'
    np.testing.assert_array_equal(
        data['annotations'][0]['keypoint'], [[[[0, 0], *[[5, 5]] * 3], [[5, 5]] * 4]]
    )


def test_bad_tables_are_skipped_and_named(tmp_path, layout, folder, table):
    good = table(folder.arrays[0])
    lines = good.splitlines()
    bad = {
        'a': (good.replace('x1', 'y1'), "column 4 is 'y1', expected 'x1'"),
        'b': (table(np.ones((2, 1, 5, 3))), '15 columns, expected 12: x0 to z3'),
        'c': (good + '1,2,3\n', 'line 5: 3 cells, expected 12'),
        'd': (
            good.replace(lines[2].split(',')[1], 'oops'),
            "line 3: expected a number, got 'oops'",
        ),
        'e': (
            good.replace(lines[2].split(',')[1], 'nan'),
            'line 3: a coordinate is NaN; leave the cell empty',
        ),
        'f': (lines[0] + '\n', 'no joint is ever non-zero'),
        'g': ('', '0 columns, expected'),
        'h': (table(np.zeros((2, 1, 4, 3))), 'no joint is ever non-zero'),
        'i': ('replaced below', "can't decode byte"),
        'j': (good.replace('x0', 'p0_x0', 1), "column 2 is 'y0', expected 'p0_y0'"),
    }
    names = ''.join(f'{name},walk,train\n' for name in [*bad, 'absent'])
    labels = f'name,label,split\none,walk,train\ntwo,run,val\n{names}'
    source = folder(labels=labels, stray=good, **{name: text for name, (text, _) in bad.items()})
    (source / 'i.csv').write_bytes(b'x0,\xff')
    summary = convert('csv', source, tmp_path / 'a.pkl', layout=layout())
    assert [sample['frame_dir'] for sample in summary.annotations] == ['one', 'two']
    reasons = dict(summary.skipped)
    expected = {name: message for name, (_, message) in bad.items()} | {
        'absent': 'there is no such file',
        'stray': 'labels.csv does not name it',
    }
    assert len(reasons) == len(expected)
    for name, message in expected.items():
        reason = reasons[str(source / f'{name}.csv')]
        assert reason.startswith(f'{source / name}.csv: ')
        assert message in reason


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ('', 'expected the columns name,label'),
        ('label\n1\n', 'expected the columns name,label'),
        ('name,class\none,1\n', 'expected the columns name,label.* got name,class'),
        ('name,label\none,1\none,2\n', "line 3: 'one' is in the table twice"),
        ('name,label,label\none,1,1\n', 'expected the columns name,label'),
        ('name,label,split\none,1,\n', 'line 2 has empty or missing cells'),
        ('name,label,split\none,1\n', 'line 2 has empty or missing cells'),
        ('name,label\n../one,1\n', 'is not the name of a file'),
        ('name,label\n/one,1\n', 'is not the name of a file'),
        (f'name,label\n{"x" * 300},1\n', 'is not the name of a file'),
    ],
)
def test_labels_that_make_no_sense_are_told(tmp_path, layout, folder, labels, message):
    with pytest.raises(InputError, match=rf'labels\.csv: .*{message}'):
        convert('csv', folder(labels=labels), tmp_path / 'a.pkl', layout=layout())


def test_folder_that_is_none_is_told(tmp_path, layout, folder):
    source = folder()
    with pytest.raises(InputError, match='is a file, expected a folder of tables'):
        convert('csv', source / 'one.csv', tmp_path / 'a.pkl', layout=layout())
    (source / 'labels.csv').write_bytes(b'name,label\n\xff')
    with pytest.raises(InputError, match=r'labels\.csv is not a table'):
        convert('csv', source, tmp_path / 'a.pkl', layout=layout())
    for path in source.iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r'there is no table such as NAME\.csv in '):
        convert('csv', source, tmp_path / 'a.pkl', layout=layout())


def test_joint_with_an_empty_cell_is_missing_in_that_frame(tmp_path, layout, folder, table):
    one = folder.arrays[0]
    cells = [line.split(',') for line in table(one).splitlines()]
    cells[1][4] = ''  # y of joint 1 in frame 0
    cells[3][9] = ' '  # x of joint 3 in frame 2
    text = '\n'.join(','.join(line) for line in cells)
    convert('csv', folder(one=text), tmp_path / 'a.pkl', layout=layout(), strict=True)
    expected = one.swapaxes(0, 1).astype(np.float32)
    expected[0, 0, 1] = expected[0, 2, 3] = 0  # all three coordinates
    found = load_annotations(tmp_path / 'a.pkl')['annotations'][0]['keypoint']
    np.testing.assert_array_equal(found, expected)
    # Missing joints are stored as zeros, and the normalisation keeps the zeros.
    normalised = normalize_skeleton(found, get_layout(LAYOUT))
    assert not normalised[0, 0, 1].any()
    assert normalised[0, 0, 2].any()
