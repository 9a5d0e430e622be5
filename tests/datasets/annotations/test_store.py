"""The store of a pickle returns the contents of the pickle, or it is made again."""

import copy
import multiprocessing
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout

from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.annotations import packing
from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.annotations.store import _alone, open_annotations, store_path
from mmcmd.errors import InputError

SAMPLES = [
    ('a', (1, 4, 25, 3), '<f4', {}),
    ('b \u00e4', (2, 7, 25, 3), '>f8', {'keypoint_score': np.ones((2, 7, 25)), 'size': (3, 4)}),
    ('c', (1, 1, 5, 2), '<f2', {}),
    ('d', (1, 3, 25, 3), '<i2', {'subject': 'P001', 'note': None}),
]
INDEX = 'facts', 'absent', 'dtypes', 'names', 'member', 'rows', 'checksums'


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


def check_whole(opened, path):
    """Compare opened annotations with the pickle itself."""
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
    monkeypatch.setattr('mmcmd.datasets.annotations.store.load_annotations', None)
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
        lambda raw: flip(raw, len(raw) - 40),
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
    begin, stamp = opened._ends[-1], whole[-32:].rstrip(b'\0')
    for place in range(begin, len(whole), 7):
        raw = np.frombuffer(flip(whole, place), np.uint8)
        try:
            packing.PackedAnnotations(file, raw, stamp)
        except packing.DamagedError:
            continue  # compared already
        pytest.fail(f'byte {place} of {len(whole)}')


def test_damaged_sample_is_told_when_it_is_read(file):
    opened = open_annotations(file)
    whole, last_of_b = store_path(file).read_bytes(), opened._ends[1] - 1
    del opened
    store_path(file).write_bytes(
        flip(flip(whole, 5), last_of_b)
    )  # coordinates, and the other fields
    opened = open_annotations(file)
    opened[2]
    for row, name in ((0, 'a'), (1, 'b \u00e4')):
        message = rf'{name} is damaged in the store; remove x\.pkl\.store'
        with pytest.raises(InputError, match=message):
            opened[row]


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


@pytest.mark.parametrize(
    'craft',
    [
        lambda x: x['rows'][:, 0].__setitem__(0, -64),  # bytes of its pickle
        lambda x: x['rows'][:, 0].__setitem__(0, 64),  # moves the following samples
        lambda x: x['rows'][:, 0].__setitem__(0, 2**62),
        lambda x: x['rows'][:, 1].__setitem__(0, 9),  # dtype
        lambda x: x['rows'][:, 1].__setitem__(0, -1),
        lambda x: x['rows'][:, 3].__setitem__(0, 0),  # frames
        lambda x: x['rows'][:, 3].__setitem__(0, 999),
        lambda x: x['rows'][:, 2:6].__setitem__(0, 1 << 16),  # a product of 2 ** 64
        lambda x: x['rows'][:, 6].__setitem__(0, -2),  # label
        lambda x: x.update(rows=x['rows'][:3]),
        lambda x: x.update(rows=x['rows'].astype(float)),
        lambda x: x.update(names=x['names'].tolist()),
        lambda x: x.update(names=np.array([b'a', b'\n', b'c', b'd'])),
        lambda x: x.update(names=np.array([b'a', b'b', b'c', b'd' * 201])),
        lambda x: x.update(member=x['member'][:, :2]),
        lambda x: x.update(dtypes=['<f4', '>f8', 'O', '<i2']),
        lambda x: x.update(facts={'layout': 'none such'}),
        lambda x: x.update(absent={3: 0}),
    ],
)
def test_crafted_index_is_not_taken(file, craft):
    open_annotations(file)
    whole = store_path(file).read_bytes()
    end = len(whole) - packing.FOOTER.size
    _, size, _, stamp = packing.FOOTER.unpack(whole[end:])
    index = dict(zip(INDEX, pickle.loads(whole[end - size : end]), strict=True))
    craft(index)
    crafted = pickle.dumps(tuple(index.values()), 4)
    crafted += packing.footer(crafted, stamp)
    store_path(file).write_bytes(whole[: end - size] + crafted)
    check_whole(open_annotations(file), file)
    assert store_path(file).read_bytes() == whole, 'made anew'


def test_folder_that_takes_no_store_is_told_and_annotations_are_in_memory(file, told):
    store_path(file).mkdir()  # even root cannot replace a folder by a file
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


def test_lock_is_removed_while_it_is_held(tmp_path, monkeypatch):
    unlink, held = Path.unlink, []

    def probe(path):
        with suppress(Timeout), FileLock(path).acquire(timeout=0):
            held.append(False)
        held.append(True)
        unlink(path)

    with _alone(tmp_path / 'x.pkl'):
        monkeypatch.setattr(Path, 'unlink', probe)
    assert held == [True], 'or two who wait may both go on, with a file each'
    assert not os.listdir(tmp_path)


def test_one_at_a_time_holds_a_lock_whose_file_comes_and_goes(tmp_path):
    entered, busy = [], threading.Lock()

    def enter(_):
        with _alone(tmp_path / 'x.pkl'):
            entered.append(busy.acquire(blocking=False))
            time.sleep(0.002)
            busy.release()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(40)))
    assert entered == [True] * 40


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
