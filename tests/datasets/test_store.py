"""The store beside a pickle gives what the pickle holds, or is made anew."""

import copy
import multiprocessing
import os
import pickle

import numpy as np
import pytest
from mmengine.logging import MMLogger

from mmcmd.datasets import SkeletonDataset, packing
from mmcmd.datasets.annotations import load_annotations
from mmcmd.datasets.store import open_annotations, store_path
from mmcmd.errors import InputError

SAMPLES = [
    ('a', (1, 4, 25, 3), '<f4', {}),
    ('b \u00e4', (2, 7, 25, 3), '>f8', {'keypoint_score': np.ones((2, 7, 25)), 'size': (3, 4)}),
    ('c', (1, 1, 5, 2), '<f2', {}),
    ('d', (1, 3, 25, 3), '<i2', {'subject': 'P001', 'note': None}),
]


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(0)
    annotations = [
        dict(frame_dir=name, label=i, keypoint=rng.normal(size=shape).astype(dtype) * 9, **more)
        | {'total_frames': shape[1]}
        for i, (name, shape, dtype, more) in enumerate(SAMPLES)
    ]
    annotations[0]['keypoint'] = np.asfortranarray(annotations[0]['keypoint'])
    split = {'train': ['c', 'a', 'absent'], 'val': ['d'], 'none': []}
    path = tmp_path / 'x.pkl'
    path.write_bytes(pickle.dumps({'annotations': annotations, 'split': split, 'origin': [1, 'y']}))
    return path


@pytest.fixture
def told(caplog):
    """Return what mmengine's logger is told."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def check_whole(opened, path):
    """Check against the pickle itself."""
    data = load_annotations(path)
    samples = [opened[row] for row in range(len(opened))]
    for found, expected in zip(samples, data['annotations'], strict=True):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert type(found[key]) is type(value)
            np.testing.assert_array_equal(found[key], value, strict=True)
    assert opened.labels.tolist() == [x['label'] for x in data['annotations']]
    assert opened.num_joints.tolist() == [x['keypoint'].shape[2] for x in data['annotations']]


def test_store_gives_what_the_pickle_holds(file):
    check_whole(open_annotations(file), file)  # packs
    assert sorted(os.listdir(file.parent)) == ['x.pkl', 'x.pkl.store']
    opened = open_annotations(file)  # maps
    check_whole(opened, file)
    assert opened.facts == {'origin': [1, 'y']}


def test_splits_are_selected_in_file_order_and_others_listed(file, told):
    opened = open_annotations(file)
    assert [opened.name(row) for row in opened.select('train')] == ['a', 'c']
    assert '1 names of train have no annotation' in told.text
    assert opened.select(None).tolist() == [0, 1, 2, 3]
    with pytest.raises(InputError, match=r"x\.pkl has no split 'test'; its splits: none, train, v"):
        opened.select('test')
    with pytest.raises(InputError, match=r"x\.pkl: split 'none' has no samples"):
        opened.select('none')


def test_store_is_not_read_twice_nor_the_pickle_once_it_is_there(file, monkeypatch):
    first = open_annotations(file)
    assert open_annotations(file.parent / '.' / 'x.pkl') is first
    del first
    monkeypatch.setattr('mmcmd.datasets.store.load_annotations', None)
    open_annotations(file)


def test_what_a_caller_writes_into_a_sample_stays_the_caller_s(file):
    opened = open_annotations(file)
    opened[0]['keypoint'][:] = 7
    check_whole(opened, file)


def test_another_pickle_of_that_name_is_packed_anew(file):
    old = open_annotations(file)
    data = load_annotations(file)
    data['annotations'] = data['annotations'][:2]
    file.write_bytes(pickle.dumps(data))
    check_whole(open_annotations(file), file)
    assert len(old) == 4


def flip(raw, place):
    return raw[:place] + bytes([raw[place] ^ 0x10]) + raw[place + 1 :]


@pytest.mark.parametrize(
    'damage',
    [
        lambda raw: b'',
        lambda raw: b'hello',
        lambda raw: raw[:-1],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[64:],
        lambda raw: raw + bytes(64),
        lambda raw: flip(raw, len(raw) - 1),
        lambda raw: flip(raw, len(raw) - 41),
        lambda raw: raw.replace(b'<f4', b'|O8'),
    ],
)
def test_damaged_store_is_made_anew(file, damage):
    open_annotations(file)
    whole = store_path(file).read_bytes()
    store_path(file).write_bytes(damage(whole))
    check_whole(open_annotations(file), file)
    assert store_path(file).read_bytes() == whole


def test_no_flipped_bit_of_the_index_goes_unseen(file):
    opened = open_annotations(file)
    whole = store_path(file).read_bytes()
    begin = sum(-(-x['keypoint'].nbytes // 64) * 64 for x in map(opened.__getitem__, range(4)))
    stamp = whole[-32:].rstrip(b'\0')
    for place in range(begin, len(whole), 7):
        raw = np.frombuffer(flip(whole, place), np.uint8)
        try:
            check_whole(packing.PackedAnnotations(file, raw, stamp), file)
        except packing.DamagedError:
            continue  # seen; other bits, of the archive's own headers, change nothing


def test_damaged_coordinates_are_told_when_they_are_read(file):
    open_annotations(file)
    whole = store_path(file).read_bytes()
    store_path(file).write_bytes(flip(whole, 5))
    opened = open_annotations(file)
    opened[1]
    with pytest.raises(InputError, match=r'coordinates of a are damaged; remove x\.pkl\.store'):
        opened[0]


def test_pickle_in_a_store_runs_nothing(file, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'ran'),)

    opened = open_annotations(file)
    stamp = store_path(file).read_bytes()[-32:].rstrip(b'\0')
    with open(tmp_path / 'evil', 'wb') as out:
        packing.pack_annotations(
            {'annotations': [opened[0] | {'x': Evil()}], 'split': {}, 'y': Evil()}, stamp, out
        )
    (tmp_path / 'evil').replace(store_path(file))
    del opened
    check_whole(open_annotations(file), file)
    assert not (tmp_path / 'ran').exists()


def test_folder_that_takes_no_store_is_told_and_annotations_are_in_memory(file, told):
    store_path(file).mkdir()  # which even the superuser cannot replace by a file
    opened = open_annotations(file)
    assert 'x.pkl is loaded into memory, as no store can be kept beside it' in told.text
    check_whole(opened, file)
    assert open_annotations(file) is opened
    assert sorted(os.listdir(file.parent)) == ['x.pkl', 'x.pkl.store']


def test_processes_that_open_at_once_get_the_same(file):
    with multiprocessing.get_context('fork').Pool(4) as pool:
        sums = pool.map(total, [file] * 8)
    assert len(set(sums)) == 1
    assert sorted(os.listdir(file.parent)) == ['x.pkl', 'x.pkl.store']


def total(path):
    opened = open_annotations(path)
    return sum(float(opened[row]['keypoint'].sum(dtype=float)) for row in range(len(opened)))


def test_copies_of_a_data_set_share_its_map(tiny_pickle):
    train, val = (
        SkeletonDataset(str(tiny_pickle), [], split=f'xsub_{x}') for x in ('train', 'val')
    )
    assert train.annotations is val.annotations
    assert copy.deepcopy(train).annotations is train.annotations
    assert train.get_subset(3).annotations is train.annotations
    sent = pickle.dumps(train)
    assert len(sent) < 5000
    assert pickle.loads(sent).get_data_info(2)['frame_dir'] == 'sample02'
