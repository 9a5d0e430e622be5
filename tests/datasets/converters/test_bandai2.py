"""The Bandai-Namco archive: a tiny one always, the real one where it is."""

from pathlib import Path

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import Bandai2Converter, convert
from mmcmd.errors import InputError
from mmcmd.skeletons import BANDAI2

REAL = Path(__file__).parents[4] / 'shared/data/bandai2/bandai2_15fps.npz'


@pytest.fixture
def arrays():
    keypoint = np.random.default_rng(0).normal(size=(9, 21, 3)).astype(np.float16)
    return dict(
        keypoint=keypoint,
        total_frames=np.array([2, 3, 4], np.int32),
        label=np.array([1, 0, 1], np.int16),
        style=np.array([1, 0, 2], np.int16),
        frame_dir=np.array(['c', 'b', 'a']),
        class_names=np.array(['walk', 'run']),
        style_names=np.array(['active', 'elderly', 'youthful']),
        parents=np.array([-1, *BANDAI2.parents[1:]], np.int16),
    )


@pytest.fixture
def save(tmp_path):
    def save(arrays):
        np.savez(tmp_path / 'b.npz', **arrays)
        return tmp_path / 'b.npz'

    return save


def test_sequences_are_cut_where_they_end(tmp_path, arrays, save):
    convert('bandai2', save(arrays), tmp_path / 'b.pkl')
    data = load_annotations(tmp_path / 'b.pkl')
    assert data['layout'] == 'bandai2'
    assert data['split'] == {'xstyle_train': ['b'], 'xstyle_val': ['a', 'c']}
    a, b, c = data['annotations']
    for sample, first, last, label, style in ((c, 0, 2, 1, 1), (b, 2, 5, 0, 0), (a, 5, 9, 1, 2)):
        assert sample['keypoint'].dtype == np.float32
        np.testing.assert_array_equal(sample['keypoint'][0], arrays['keypoint'][first:last])
        assert (sample['label'], sample['style']) == (label, style)
        assert sample['total_frames'] == last - first


def test_bad_sequences_are_skipped_and_named(tmp_path, arrays, save):
    arrays['keypoint'][3, 0, 0] = np.nan
    arrays['frame_dir'] = np.array(['a', 'b', 'a'])
    summary = convert('bandai2', save(arrays), tmp_path / 'b.pkl')
    assert [sample['total_frames'] for sample in summary.annotations] == [2]
    (nan, twice) = (reason for _, reason in summary.skipped)
    assert 'b: a coordinate is NaN' in nan
    assert 'same sample name' in twice


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('keypoint', None, 'keypoint'),
        ('keypoint', np.zeros((9, 25, 3)), r'\(sum of T, 21, 3\)'),
        ('total_frames', np.array([2, 3, 5]), 'add up to 10, keypoint has 9'),
        ('total_frames', np.array([2, 3]), 'equally many'),
        ('label', np.array([0.5, 1, 1]), 'integers'),
        ('style', np.array([0, 1, 3]), 'no name'),
        ('parents', np.arange(21), 'parents differ'),
        ('frame_dir', np.array([{}, {}, {}]), 'frame_dir is not a whole plain array'),
    ],
)
def test_archive_that_differs_is_told(arrays, save, key, value, message):
    arrays = (
        {**arrays, key: value} if value is not None else {k: arrays[k] for k in arrays if k != key}
    )
    path = save(arrays)
    with pytest.raises(InputError, match=rf'b\.npz.*{message}'):
        Bandai2Converter().scan(path)


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 not a zip', b'\x80\x04N.'])
def test_file_that_is_no_archive_is_told(tmp_path, content):
    (tmp_path / 'b.npz').write_bytes(content)
    with pytest.raises(InputError, match=r'b\.npz is not an \.npz file'):
        Bandai2Converter().scan(tmp_path / 'b.npz')
    with pytest.raises(InputError, match=r'is not an \.npz file'):
        Bandai2Converter().scan(tmp_path)


@pytest.mark.skipif(not REAL.exists(), reason=f'{REAL} is not there')
def test_the_real_archive_splits_by_style(tmp_path):
    summary = convert('bandai2', REAL, tmp_path / 'b.pkl')
    assert not summary.skipped
    data = load_annotations(tmp_path / 'b.pkl')
    assert {name: len(names) for name, names in data['split'].items()} == {
        'xstyle_train': 2187,
        'xstyle_val': 715,
    }
    assert {sample['label'] for sample in data['annotations']} == set(range(10))
