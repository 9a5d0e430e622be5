"""2s-AGCN's arrays give the same input as `.skeleton` files; bad arrays are reported."""

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.datasets.skeleton_dataset import SkeletonDataset
from mmcmd.errors import InputError

TRAIN, VAL = 'S001C001P001R001A001', 'S001C002P003R002A013'
PIPELINE = [
    dict(type='NormalizeSkeleton'),
    dict(type='TemporalCropResize', ratio=0.95),
    dict(type='FormatGCNInput', num_person=2),
]


def body(rng, length, scale):
    """Return a person that moves (T, 25, 3), before a Kinect, as float32."""
    pose = rng.normal(size=(25, 3))
    path = scale * np.cumsum(rng.normal(size=(length, 1, 3)), axis=0)
    return (pose + path + [0.3, 0.1, 3.0]).astype(np.float32)


def recordings():
    """Return sequences (2, T, 25, 3): one person, two, with gaps, late starts and early ends."""
    rng = np.random.default_rng(0)
    made = {}
    for number, length in enumerate((40, 77, 64)):
        keypoint = np.stack([body(rng, length, 1.0), body(rng, length, 0.1)])
        if number == 0:
            keypoint[1] = 0
        if number == 1:
            keypoint[1, :30] = 0
            keypoint[0, 11:14] = 0
        if number == 2:
            keypoint[0, :3] = 0
            keypoint[1, 50:] = 0
            keypoint[:, 20, 7] = 0
        name = f'S001C001P{(1, 3)[number % 2]:03}R001A{number + 1:03}'
        made[name] = keypoint
    return made


def loop(person, total):
    """Pad a person to a fixed length in plain code: after the last frame it starts again."""
    frames = [frame for frame in person if frame.any()] if not person[0].any() else list(person)
    while frames and not frames[-1].any():
        frames.pop()
    if not frames:
        return np.zeros((total, *person.shape[1:]), person.dtype)
    return np.stack([frames[t % len(frames)] for t in range(total)])


def released_array(keypoint, normalization):
    """Prepare one sequence like the released code, (3, 300, 25, 2)."""
    padded = np.stack([loop(person, 300) for person in keypoint])
    return normalization(padded).transpose(3, 1, 2, 0).astype(np.float32)


def write(folder, half, names, arrays, lengths=None, labels=None):
    folder.mkdir(exist_ok=True)
    np.save(folder / f'{half}_data_joint.npy', np.asarray(arrays))
    if lengths is not None:
        np.save(folder / f'{half}_num_frame.npy', np.asarray(lengths))
    labels = list(range(len(names))) if labels is None else labels
    pair = ([f'{name}.skeleton' for name in names], labels)
    (folder / f'{half}_label.pkl').write_bytes(pickle.dumps(pair, 2))


@pytest.fixture
def folder(tmp_path):
    """Return a folder of one sequence each, of 6 of 10 frames."""
    keypoint = np.random.default_rng(0).normal(size=(1, 3, 10, 25, 2)).astype(np.float32)
    keypoint[:, :, 6:] = 0
    write(tmp_path / 'xsub', 'train', [TRAIN], keypoint)
    write(tmp_path / 'xsub', 'val', [VAL], keypoint + (keypoint != 0))
    return tmp_path / 'xsub'


def inputs(path, split):
    """Return the input of an encoder in testing, by sample."""
    dataset = SkeletonDataset(str(path), PIPELINE, split=split)
    samples = [dataset[index] for index in range(len(dataset))]
    return {sample['frame_dir']: sample for sample in samples}


@pytest.mark.usefixtures('mmcmd_scope')
def test_inputs_are_those_of_the_raw_files(tmp_path, make_folder, make_text, plain_normalization):
    made = recordings()
    texts = {
        f'{name}.skeleton': make_text(
            [
                [person for person in bodies if bodies[1].any() or person is not bodies[1]]
                for bodies in keypoint.swapaxes(0, 1)
            ],
            number='{:.9g}',
        )
        for name, keypoint in made.items()
    }
    convert('ntu', make_folder(texts), tmp_path / 'raw.pkl')
    for half, subject in (('train', 1), ('val', 3)):
        names = [name for name in made if int(name[9:12]) == subject]
        write(
            tmp_path / 'xsub',
            half,
            names,
            [released_array(made[name], plain_normalization) for name in names],
            [made[name].shape[1] for name in names],
            [int(name[-3:]) - 1 for name in names],
        )
    summary = convert('agcn', tmp_path / 'xsub', tmp_path / 'arrays.pkl', strict=True)
    assert len(summary.annotations) == len(made)
    for split in ('xsub_train', 'xsub_val'):
        raw, arrays = (inputs(tmp_path / f'{kind}.pkl', split) for kind in ('raw', 'arrays'))
        assert raw.keys() == arrays.keys()
        for name, sample in raw.items():
            found = arrays[name]
            assert [found[key] for key in ('label', 'subject', 'total_frames', 'crop')] == [
                sample[key] for key in ('label', 'subject', 'total_frames', 'crop')
            ]
            np.testing.assert_allclose(found['keypoint'], sample['keypoint'], rtol=0, atol=1e-5)


@pytest.mark.usefixtures('mmcmd_scope')
def test_inputs_are_those_of_the_authors_code(tmp_path, shared):
    """`shared` holds arrays from the authors' normalisation and crops."""
    golden = np.load(shared / 'golden' / 'pipeline.npz')
    lengths = golden['num_frames']
    arrays = np.zeros((len(lengths), 3, 300, 25, 2), np.float32)
    pieces = np.split(golden['normalised'], np.cumsum(lengths)[:-1])
    for array, piece in zip(arrays, pieces, strict=True):
        array[:, : len(piece)] = piece.transpose(3, 0, 2, 1)
    names = [f'S001C001P001R001A{number:03}' for number in range(1, len(lengths) + 1)]
    write(tmp_path / 'xsub', 'train', names, arrays, lengths)
    write(tmp_path / 'xsub', 'val', [VAL], arrays[:1])
    convert('agcn', tmp_path / 'xsub', tmp_path / 'a.pkl', strict=True)
    found = inputs(tmp_path / 'a.pkl', 'xsub_train')
    for name, expected in zip(names, golden['centre_crop'], strict=True):
        np.testing.assert_allclose(found[name]['keypoint'][0], expected, rtol=0, atol=1e-5)


def test_annotations_say_what_the_arrays_say(folder, tmp_path):
    convert('agcn', folder, tmp_path / 'a.pkl')
    data = load_annotations(tmp_path / 'a.pkl')
    assert (data['layout'], data['normalized']) == ('ntu', True)
    assert data['split'] == {'xsub_train': [TRAIN], 'xsub_val': [VAL]}
    sample = data['annotations'][0]
    array = np.load(folder / 'train_data_joint.npy')
    assert sample['keypoint'].shape == (2, 6, 25, 3)
    np.testing.assert_array_equal(sample['keypoint'][1, 4, 7], array[0, :, 4, 7, 1])
    assert (sample['frame_dir'], sample['label'], sample['setup']) == (TRAIN, 0, 1)


@pytest.mark.parametrize(
    ('num_frame', 'length'), [(4, 4), (6, 6), (9, 6), (10**9, 6), (np.float64(5.0), 5)]
)
def test_length_is_what_is_claimed_as_far_as_there_is_anything(folder, tmp_path, num_frame, length):
    np.save(folder / 'val_num_frame.npy', np.array([num_frame]))
    summary = convert('agcn', folder, tmp_path / 'a.pkl')
    assert [sample['total_frames'] for sample in summary.annotations] == [6, length]


def test_person_who_is_not_there_is_dropped(folder, tmp_path):
    array = np.load(folder / 'train_data_joint.npy')
    array[..., 1] = 0
    np.save(folder / 'train_data_joint.npy', array)
    summary = convert('agcn', folder, tmp_path / 'a.pkl')
    assert [sample['keypoint'].shape[0] for sample in summary.annotations] == [1, 2]


@pytest.mark.parametrize(
    ('name', 'split'), [('xsub', 'xsub'), ('xview', 'xview'), ('xset', 'xset'), ('xsetup', 'xset')]
)
def test_split_is_told_by_the_folder_or_an_option(tmp_path, name, split):
    """CMD's script for NTU-120 writes folders called xsub and xsetup."""
    keypoint = np.ones((1, 3, 4, 25, 2), np.float32)
    for folder in (tmp_path / name, tmp_path / 'renamed'):
        write(folder, 'train', ['S002C002P001R001A001'], keypoint)
        write(folder, 'val', ['S001C001P003R001A001'], keypoint)
    convert('agcn', tmp_path / name, tmp_path / 'a.pkl')
    assert sorted(load_annotations(tmp_path / 'a.pkl')['split']) == [
        f'{split}_train',
        f'{split}_val',
    ]
    convert('agcn', tmp_path / 'renamed', tmp_path / 'b.pkl', split=name)
    assert sorted(load_annotations(tmp_path / 'b.pkl')['split']) == [
        f'{split}_train',
        f'{split}_val',
    ]


def test_split_that_is_not_known_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"'xsetp' is not one of .* \(did you mean 'xsetup'\?\)"):
        convert('agcn', folder, tmp_path / 'a.pkl', split='xsetp')
    folder = folder.rename(tmp_path / 'ntu120')
    with pytest.raises(InputError, match=r'ntu120 is not one of the splits.*--split xsub'):
        convert('agcn', folder, tmp_path / 'a.pkl')
    assert not (tmp_path / 'a.pkl').exists()


def test_split_that_the_names_of_the_samples_contradict_is_refused(tmp_path):
    keypoint = np.ones((1, 3, 4, 25, 2), np.float32)
    write(tmp_path / 'xsub', 'train', ['S002C001P003R001A001'], keypoint)
    write(tmp_path / 'xsub', 'val', ['S001C001P001R001A001'], keypoint)
    with pytest.raises(InputError, match='are split as xset, not as xsub: give --split xset'):
        convert('agcn', tmp_path / 'xsub', tmp_path / 'a.pkl')
    convert('agcn', tmp_path / 'xsub', tmp_path / 'a.pkl', split='xsetup')


def test_labels_of_the_script_for_pku_mmd_are_whole_floats(tmp_path):
    keypoint = np.ones((1, 3, 4, 25, 2), np.float32)
    for half, name in (('train', 'A01N01-L.txt_0'), ('val', 'A01N01-L.txt_1')):
        write(tmp_path / 'xsub', half, [name], keypoint, [900], [np.float64(7)])
    summary = convert('agcn', tmp_path / 'xsub', tmp_path / 'a.pkl')
    assert [(x['label'], x['total_frames']) for x in summary.annotations] == [(7, 4), (7, 4)]


def test_labels_pickled_by_python_2_load(folder, tmp_path):
    # Opcodes of protocol 2: U is a byte string (a name), K is a small integer (a label).
    name = f'{VAL}.skeleton'.encode()
    names = b']U' + struct.pack('<B', len(name)) + name + b'a'
    (folder / 'val_label.pkl').write_bytes(b'\x80\x02' + names + b']K\x0ca\x86.')
    summary = convert('agcn', folder, tmp_path / 'a.pkl')
    assert (summary.annotations[1]['frame_dir'], summary.annotations[1]['label']) == (VAL, 12)


def test_bad_sequences_are_skipped_and_named(folder, tmp_path):
    array = np.repeat(np.load(folder / 'train_data_joint.npy'), 5, axis=0)
    array[1, 2, 3, 4, 0] = np.inf
    array[2] = 0
    names = [TRAIN, 'nan', 'empty', 'short', 'label']
    write(folder, 'train', names, array, [6, 6, 6, 0, 6], [0, 0, 0, 0, -1])
    summary = convert('agcn', folder, tmp_path / 'a.pkl')
    assert [sample['frame_dir'] for sample in summary.annotations] == [TRAIN, VAL]
    for (_, reason), text in zip(
        summary.skipped,
        ('nan: a coordinate is NaN', 'empty: all zero', 'short: num_frame is 0', 'label: label -1'),
        strict=True,
    ):
        assert f'train_data_joint.npy: {text}' in reason


class Canary:
    def __reduce__(self):
        return Path.touch, (Path('ran'),)


def test_label_pickle_that_would_run_code_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder / 'val_label.pkl').write_bytes(pickle.dumps(([VAL], [Canary()])))
    with pytest.raises(InputError, match=r'val_label\.pkl.*could run code'):
        convert('agcn', folder, 'a.pkl')
    np.save(folder / 'train_data_joint.npy', np.array([Canary()]), allow_pickle=True)
    with pytest.raises(InputError, match=r'train_data_joint\.npy is not'):
        convert('agcn', folder, 'a.pkl')
    assert not Path('ran').exists()


@pytest.mark.parametrize(
    ('file', 'content', 'message'),
    [
        ('train_data_joint.npy', None, 'there is no'),
        ('val_label.pkl', None, 'there is no'),
        ('train_data_joint.npy', np.zeros((1, 3, 10, 20, 2)), r'expected shape \(N, 3, T, 25'),
        ('train_data_joint.npy', np.zeros((1, 3, 10, 25)), r'expected shape \(N, 3, T, 25'),
        ('train_data_joint.npy', np.zeros((1, 3, 10, 25, 2), int), 'not an .npy file of numbers'),
        ('train_data_joint.npy', np.zeros((2, 3, 10, 25, 2)), '2 sequences, .* 1 names and 1'),
        ('train_num_frame.npy', np.array([6, 6]), r'expected shape \(1,\)'),
        ('train_num_frame.npy', np.array([np.nan]), 'must be integers'),
        ('val_label.pkl', pickle.dumps(([VAL], [1, 2])), '1 names and 2 labels'),
        ('val_label.pkl', pickle.dumps(([VAL], ['a'])), 'second part is not a list of integers'),
        ('val_label.pkl', pickle.dumps(([3], [1])), 'first part is not a list of names'),
        ('val_label.pkl', pickle.dumps([VAL]), 'does not hold two lists'),
        ('val_label.pkl', b'\x80\x02junk', 'does not hold two lists'),
        ('train_data_joint.npy', b'junk', 'is not a whole .npy file'),
    ],
)
def test_folder_that_differs_is_told(folder, tmp_path, file, content, message):
    if content is None:
        (folder / file).unlink()
    elif isinstance(content, bytes):
        (folder / file).write_bytes(content)
    else:
        np.save(folder / file, content)
    stem = file.split('.')[0]
    with pytest.raises(InputError, match=rf'{stem}.*{message}|{message}.*{stem}|{message}'):
        convert('agcn', folder, tmp_path / 'a.pkl')
    assert not (tmp_path / 'a.pkl').exists()


@pytest.mark.parametrize('shape', [(40_091, 3, 300, 25, 2), (10**15, 3, 300, 25, 2)])
def test_array_that_claims_more_than_it_holds_is_refused(folder, tmp_path, shape):
    with (folder / 'train_data_joint.npy').open('wb') as file:
        header = {'descr': '<f4', 'fortran_order': False, 'shape': shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(999))
    with pytest.raises(InputError, match=r'train_data_joint\.npy is not a whole \.npy file'):
        convert('agcn', folder, tmp_path / 'a.pkl')
