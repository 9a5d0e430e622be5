"""Several pickles made into one: the same joints, classes and splits of all files."""

import pickle

import numpy as np
import pytest

from mmcmd.apis import load_config
from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.datasets.transforms.map_layout import map_layout
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout
from mmcmd.skeletons.layout_map import make_layout_map


def sample_of(name, joints, label=0):
    keypoint = np.random.default_rng(len(name) + joints).normal(size=(1, 6, joints, 3))
    keypoint = keypoint.astype(np.float32)
    return dict(frame_dir=name, label=label, keypoint=keypoint, total_frames=6)


def write(folder, name, layout, /, **changes):
    joints = get_layout(layout).num_joints
    data = dict(
        split={'xsub_train': ['a', 'b'], 'xsub_val': ['c']},
        annotations=[sample_of('a', joints), sample_of('b', joints, 1), sample_of('c', joints)],
        layout=layout,
    )
    folder.mkdir(exist_ok=True)
    (folder / f'{name}.pkl').write_bytes(pickle.dumps(data | changes, 4))


@pytest.fixture
def merge(tmp_path):
    def merge(layout='kinect_v1', **options):
        convert('merge', tmp_path / 'sets', tmp_path / 'all.pkl', layout=layout, **options)
        return load_annotations(tmp_path / 'all.pkl')

    return merge


@pytest.fixture
def two(tmp_path):
    write(tmp_path / 'sets', 'kinect', 'kinect_v1', classes=['wave', 'kick'])
    write(tmp_path / 'sets', 'ntu', 'ntu')
    return tmp_path / 'sets'


@pytest.mark.parametrize('jobs', [1, 2])
def test_joints_of_all_files_are_mapped_to_one_layout(two, merge, jobs):
    merged = merge(jobs=jobs)
    assert merged['layout'] == 'kinect_v1'
    found = {sample['frame_dir']: sample for sample in merged['annotations']}
    mapping = make_layout_map(get_layout('ntu'), get_layout('kinect_v1'), None)
    for file, mapped in (('kinect', lambda x: x), ('ntu', lambda x: map_layout(x, mapping))):
        for sample in load_annotations(two / f'{file}.pkl')['annotations']:
            merged_one = found[f'{file}_{sample["frame_dir"]}']
            np.testing.assert_array_equal(merged_one['keypoint'], mapped(sample['keypoint']))
            assert merged_one['dataset'] == file


def test_classes_of_different_files_stay_different(two, merge):
    merged = merge()
    names = {x['frame_dir']: merged['classes'][x['label']] for x in merged['annotations']}
    assert names['kinect_a'] == names['kinect_c'] != names['kinect_b']
    assert len(set(names.values())) == 4
    assert 'kinect: kick' in names['kinect_b']
    assert names['ntu_b'].startswith('ntu: ')


def test_unlabelled_sequences_stay_unlabelled(two, merge):
    write(two, 'own', 'kinect_v1', annotations=[sample_of(x, 20, label=-1) for x in 'abc'])
    labels = {x['frame_dir']: x['label'] for x in merge()['annotations']}
    assert [labels[f'own_{x}'] for x in 'abc'] == [-1] * 3
    assert sorted(labels[f'ntu_{x}'] for x in 'ab') == [2, 3]


def test_a_config_takes_the_splits_of_all_files(two, merge, tmp_path):
    splits = merge()['split']
    assert splits['all_train'] == ['kinect_a', 'kinect_b', 'ntu_a', 'ntu_b']
    assert splits['all_val'] == ['kinect_c', 'ntu_c']
    assert splits['ntu_xsub_val'] == ['ntu_c']
    cfg = load_config('configs/recipes/small.py', data=str(tmp_path / 'all.pkl'))
    assert cfg.train_dataloader.dataset.split == 'all_train'
    assert cfg.data.num_classes == 4


def test_a_file_with_several_pairs_of_splits_needs_a_choice(two, merge):
    pairs = {f'{x}_{half}': ['a', 'b'] for x in ('xsub', 'xview') for half in ('train', 'val')}
    write(two, 'more', 'kinect_v1', split=pairs | {'xview_val': ['c'], 'xsub_val': ['c']})
    with pytest.raises(InputError, match=r'more\.pkl.*xsub, xview.*--split NAME'):
        merge()
    assert 'more_a' in merge(split='xview')['split']['all_train']


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(normalized=True), 'without --normalize'),
        (dict(layout=None), 'does not say its layout'),
        (dict(split={'train': ['a']}), 'pairs of splits .* are none'),
    ],
)
def test_a_file_that_cannot_be_merged_is_named(two, merge, changes, message):
    write(two, 'bad', 'kinect_v1', **changes)
    with pytest.raises(InputError, match=rf'bad\.pkl.*{message}'):
        merge()


def test_a_joint_without_counterpart_is_named_with_its_remedy(two, merge):
    with pytest.raises(InputError, match=r'thumb_left.*--map-joints nearest'):
        merge(layout='ntu')
    assert len(merge(layout='ntu', map_joints='nearest')['annotations']) == 6


def test_a_layout_and_two_files_are_needed(two, merge):
    with pytest.raises(InputError, match='merge needs --layout'):
        merge(layout=None)
    (two / 'ntu.pkl').unlink()
    with pytest.raises(InputError, match='at least two'):
        merge()


def test_result_must_not_lie_among_the_sources(two):
    with pytest.raises(InputError, match=r'all\.pkl lies in .*write it to another folder'):
        convert('merge', two, two / 'more' / 'all.pkl', layout='kinect_v1')
    assert not (two / 'more').exists()
