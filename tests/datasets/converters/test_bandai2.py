"""The Bandai-Namco archive: always a tiny one, and the real one if it is present."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from bvh_writing import bvh_text

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import Bandai2Converter, convert
from mmcmd.datasets.converters.bvh_file import read_bvh
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
    assert data['classes'] == ['walk', 'run']
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
    with pytest.raises(InputError, match=r'there is no dataset-2_\*\.bvh file in '):
        Bandai2Converter().scan(tmp_path)


# As in the published files: a root above the hips, and channels of position for each joint.
RIG = [('joint_Root', None, (0, 0, 0)), ('Hips', 'joint_Root', (4, 91, -427))]
RIG += [('Spine', 'Hips', (16, 0, 0)), ('Chest', 'Spine', (9, 0, 0))]
RIG += [('Neck', 'Chest', (16, 0, 0)), ('Head', 'Neck', (6, 0, 0))]
for side, sign in (('L', 1), ('R', -1)):
    RIG += [(f'Shoulder_{side}', 'Chest', (13, 0, sign * 5))]
    chain = [f'{name}_{side}' for name in ('Shoulder', 'UpperArm', 'LowerArm', 'Hand')]
    RIG += [(a, b, (sign * 24, 0, 0)) for b, a in pairwise(chain)]
    chain = ['Hips', *(f'{name}_{side}' for name in ('UpperLeg', 'LowerLeg', 'Foot', 'Toes'))]
    RIG += [(a, b, (sign * 40, 6, 0)) for b, a in pairwise(chain)]


def test_published_files_become_the_same_sequences(tmp_path):
    source = tmp_path / 'data'
    source.mkdir()
    for name, frames in (('raise-up-left-hand_elderly_012', 7), ('walk_active_001', 4)):
        text = bvh_text(RIG, frames=frames, everywhere=True)
        (source / f'dataset-2_{name}.bvh').write_text(text)
    (source / 'dataset-1_bow_active_001.bvh').write_text(text)
    summary = convert('bandai2', source, tmp_path / 'b.pkl', jobs=2)
    ((_, reason),) = summary.skipped
    assert 'dataset-1_bow_active_001.bvh: expected a name such as dataset-2_walk' in reason
    data = load_annotations(tmp_path / 'b.pkl')
    assert data['layout'] == 'bandai2'
    assert data['classes'][8] == 'raise-up-left-hand'
    raised, walk = data['annotations']
    assert (raised['frame_dir'], raised['label'], raised['style_name'], raised['style']) == (
        *('dataset-2_raise-up-left-hand_elderly_012', 8, 'elderly', 1),
    )
    assert (raised['total_frames'], walk['total_frames'], walk['label']) == (4, 2, 0)
    assert data['split']['xstyle_val'] == [raised['frame_dir']]
    motion = read_bvh(source / 'dataset-2_walk_active_001.bvh')
    for joint, name in ((0, 'Hips'), (8, 'Hand_L'), (20, 'Toes_R')):
        expected = motion.positions[::2, motion.names.index(name)] * 0.01
        np.testing.assert_allclose(walk['keypoint'][0, :, joint], expected, rtol=0, atol=1e-6)


def test_file_of_another_rig_is_told(tmp_path):
    path = tmp_path / 'dataset-2_walk_active_001.bvh'
    path.write_text(bvh_text(RIG[:-1], everywhere=True))
    (item,) = Bandai2Converter().scan(tmp_path)
    with pytest.raises(ValueError, match=r'walk_active_001\.bvh: there is no joint toes_right'):
        Bandai2Converter().read(item)


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
