"""CTR-GCN's archives are moved, padded and have no names, but give the same input."""

import io
import struct
import zipfile

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.datasets.transforms import normalize_skeleton
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout


def raw_sequences():
    """A person with a gap, or two persons, where the second comes late and leaves early."""
    rng = np.random.default_rng(0)
    sequences = []
    for index, length in enumerate((5, 9, 12, 7)):
        keypoint = rng.normal(size=(2, length, 25, 3)).astype(np.float32)
        keypoint[1, : 2 + index] = 0
        keypoint[1, -1] = 0
        if index % 2 == 0:
            keypoint[0, length // 2] = 0
        sequences.append(keypoint[: 1 + index % 2])
    return sequences


def theirs(keypoint, padded=20):
    """Prepare in plain code: subtract frame 0's spine from all visible joints, pad with zeros."""
    moved = (keypoint - keypoint[0, 0, 1]) * keypoint.any(axis=(2, 3), keepdims=True)
    frames = np.zeros((padded, 150), np.float32)
    for t in range(keypoint.shape[1]):
        for person, body in enumerate(moved[:, t]):
            frames[t, 75 * person : 75 * (person + 1)] = body.reshape(-1)
    return frames


@pytest.fixture
def arrays():
    x = np.stack([theirs(keypoint) for keypoint in raw_sequences()])
    y = np.eye(60)[[3, 59, 0, 3]]
    return dict(x_train=x[:3], y_train=y[:3], x_test=x[3:], y_test=y[3:])


@pytest.fixture
def save(tmp_path):
    def save(arrays, name='NTU60_CS.npz', how=np.savez):
        how(tmp_path / name, **arrays)
        return tmp_path / name

    return save


@pytest.mark.parametrize('how', [np.savez, np.savez_compressed])
def test_normalised_they_equal_the_raw_ones(tmp_path, arrays, save, how):
    summary = convert('ctrgcn', save(arrays, how=how), tmp_path / 'a.pkl')
    assert not summary.skipped
    data = load_annotations(tmp_path / 'a.pkl')
    assert (data['layout'], data['dataset']) == ('ntu', 'ntu60')
    assert 'normalized' not in data
    names = [f'xsub_train_{index:06}' for index in range(3)]
    assert data['split'] == {'xsub_train': names, 'xsub_val': ['xsub_val_000000']}
    assert [sample['label'] for sample in data['annotations']] == [3, 59, 0, 3]
    for sample, raw in zip(data['annotations'], raw_sequences(), strict=True):
        assert sample['keypoint'].shape == raw.shape
        found, expected = (
            normalize_skeleton(x, get_layout('ntu')) for x in (sample['keypoint'], raw)
        )
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ('name', 'split'), [('CV', 'xview'), ('CSub', 'xsub'), ('CSet', 'xset'), ('CS', 'xsub')]
)
def test_split_is_told_by_the_name_of_the_file(tmp_path, arrays, save, name, split):
    convert('ctrgcn', save(arrays, f'NTU120_{name}.npz'), tmp_path / 'a.pkl')
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['dataset'] == 'ntu120'
    assert sorted(data['split']) == [f'{split}_train', f'{split}_val']


def test_split_is_asked_for_where_the_name_does_not_tell(tmp_path, arrays, save):
    path = save(arrays, 'mine.npz')
    with pytest.raises(InputError, match=r'mine\.npz does not end in _CS.*--split xsub'):
        convert('ctrgcn', path, tmp_path / 'a.pkl')
    convert('ctrgcn', path, tmp_path / 'a.pkl', split='xset')
    assert 'xset_val' in load_annotations(tmp_path / 'a.pkl')['split']
    with pytest.raises(InputError, match='is not one of xsub, xview, xset, xsetup'):
        convert('ctrgcn', path, tmp_path / 'a.pkl', split='../x')


def test_bad_rows_are_skipped_and_named(tmp_path, arrays, save):
    arrays['y_train'][0] = 0
    arrays['y_train'][1, 5] = 1
    arrays['x_train'][2, 3, 7] = np.nan
    arrays = {key: np.repeat(value, 3, axis=0) for key, value in arrays.items()}
    arrays['x_test'][1] = 0
    arrays['y_test'][2] *= 0.5
    summary = convert('ctrgcn', save(arrays), tmp_path / 'a.pkl')
    assert [sample['frame_dir'] for sample in summary.annotations] == ['xsub_val_000000']
    reasons = [reason for _, reason in summary.skipped]
    assert len(reasons) == 11
    assert 'x_train[0]: its row of y_train is not one-hot' in reasons[0]
    assert 'x_train[3]: its row of y_train is not one-hot' in reasons[3]
    assert 'x_train[6]: a coordinate is NaN' in reasons[6]
    assert 'x_test[1]: all zero' in reasons[9]
    assert 'x_test[2]: its row of y_test is not one-hot' in reasons[10]


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('x_test', None, 'has no array .x_test'),
        ('y_train', None, 'has no array .y_train'),
        ('x_train', np.zeros((3, 20, 75), np.float32), r'floats \(N, T, 150\)'),
        ('x_train', np.zeros((3, 0, 150), np.float32), r'floats \(N, T, 150\)'),
        ('x_train', np.zeros((3, 20, 150), np.int32), r'floats \(N, T, 150\)'),
        ('y_train', np.eye(60)[:2], r'one-hot \(3, classes\)'),
        ('y_train', np.zeros(3), r'one-hot \(3, classes\)'),
        ('y_train', np.array([[{}]] * 3), 'y_train'),
        ('x_train', np.asfortranarray(np.ones((3, 20, 150))), 'Fortran order'),
    ],
)
def test_archive_that_differs_is_told(tmp_path, arrays, save, key, value, message):
    changed = {**arrays, key: value}
    path = save({k: x for k, x in changed.items() if x is not None})
    with pytest.raises(InputError, match=rf'NTU60_CS\.npz.*{message}'):
        convert('ctrgcn', path, tmp_path / 'a.pkl')


def header_of(shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {'descr': '<f4', 'fortran_order': False, 'shape': shape}
    )
    return file.getvalue()


@pytest.mark.parametrize('shape', [(3, 300, 150), (10**12, 300, 150), (3, 10**12, 150)])
def test_claims_beyond_the_file_are_refused_before_memory_is_taken(tmp_path, shape):
    with zipfile.ZipFile(tmp_path / 'NTU60_CS.npz', 'w') as archive:
        archive.writestr('x_train.npy', header_of(shape) + b'\0' * 99)
    with pytest.raises(InputError, match=r'header of x_train says .*, but it holds 99 bytes'):
        convert('ctrgcn', tmp_path / 'NTU60_CS.npz', tmp_path / 'a.pkl')


def test_damaged_archive_is_told(tmp_path, arrays, save):
    path = save(arrays)
    content = bytearray(path.read_bytes())
    content[5000:5004] = struct.pack('<f', 9.0)
    path.write_bytes(content)
    with pytest.raises(InputError, match='x_train is not a whole plain array: Bad CRC'):
        convert('ctrgcn', path, tmp_path / 'a.pkl')
    path.write_bytes(content[:20_000])
    with pytest.raises(InputError, match=r'is not an \.npz file'):
        convert('ctrgcn', path, tmp_path / 'a.pkl')
