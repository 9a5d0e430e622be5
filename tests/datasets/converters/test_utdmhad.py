"""UTD-MHAD: MATLAB files, the order of the joints, bad files."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import scipy.io

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import UTDMHADConverter, convert
from mmcmd.datasets.converters.matlab import read_floats
from mmcmd.errors import InputError
from mmcmd.skeletons import KINECT_V1
from mmcmd.synthetic import FORMATS, generate

BODY = np.random.default_rng(0).normal(size=(20, 3, 4))
NAME = 'a1_s2_t3_skeleton.mat'


@pytest.fixture
def make_source(tmp_path):
    def make(name=NAME, **variables):
        folder = tmp_path / 'utd/Skeleton'
        folder.mkdir(parents=True, exist_ok=True)
        scipy.io.savemat(folder / name, variables)
        return tmp_path / 'utd'

    return make


def complaint(source):
    (item,) = UTDMHADConverter().scan(source)
    with pytest.raises(ValueError, match=r'skeleton\.mat') as caught:
        UTDMHADConverter().read(item)
    return str(caught.value)


def test_a_published_file_survives_the_way_to_the_pickle(tmp_path, make_source):
    make_source('a1_s2_t3_inertial.mat', d_iner=np.ones((5, 6)))
    make_source('a27_s8_t4_skeleton.mat', d_skel=BODY.astype(np.float32))
    source = make_source(d_skel=BODY)
    convert('utdmhad', source, tmp_path / 'utd.pkl', strict=True)
    data = load_annotations(tmp_path / 'utd.pkl')
    assert data['layout'] == 'kinect_v1'
    assert (len(data['classes']), data['classes'][26]) == (27, 'squat')
    first, last = data['annotations']
    assert [first[key] for key in ('frame_dir', 'label', 'subject', 'trial', 'total_frames')] == [
        *('a1_s2_t3', 0, 2, 3, 4)
    ]
    assert (last['frame_dir'], last['label']) == ('a27_s8_t4', 26)
    assert first['keypoint'].dtype == np.float32
    assert first['keypoint'].shape == (1, 4, 20, 3)
    np.testing.assert_array_equal(first['keypoint'], last['keypoint'])


def test_joints_are_put_in_the_order_of_the_layout(make_source):
    # The data set's own list: 1 head, 2 shoulder centre, 3 spine, 4 hip centre, arms, legs.
    names = ['head', 'shoulder_centre', 'spine', 'hip_centre']
    for limb in (('shoulder', 'elbow', 'wrist', 'hand'), ('hip', 'knee', 'ankle', 'foot')):
        names += [f'{joint}_{side}' for side in ('left', 'right') for joint in limb]
    body = np.zeros((20, 3, 1))
    body[:, 0, 0] = [1 + KINECT_V1.joints.index(name) for name in names]
    converter = UTDMHADConverter()
    (item,) = converter.scan(make_source(d_skel=body))
    assert converter.read(item)['keypoint'][0, 0, :, 0].tolist() == list(range(1, 21))


def test_odd_subjects_train():
    everyone = [dict(frame_dir=str(subject), subject=subject) for subject in range(1, 9)]
    assert UTDMHADConverter().splits(everyone) == {
        'xsub_train': ['1', '3', '5', '7'],
        'xsub_val': ['2', '4', '6', '8'],
    }


@pytest.mark.parametrize(
    ('variables', 'message'),
    [
        ({'skel': BODY}, "it has no variable 'd_skel', only ['skel']"),
        ({'d_skel': np.array([{'a': 1}], object)}, 'not an array of real floats'),
        ({'d_skel': {'x': BODY}}, 'not an array of real floats'),
        ({'d_skel': 'text'}, 'not an array of real floats'),
        ({'d_skel': BODY * 1j}, 'not an array of real floats'),
        ({'d_skel': BODY[:19]}, 'must be numbers (T, 20, 3), got float64 (4, 19, 3)'),
        ({'d_skel': BODY[:, :, 0]}, 'd_skel must be (20, 3, T), got (20, 3)'),
        ({'d_skel': np.zeros((20, 3, 0))}, 'has no frames'),
        ({'d_skel': BODY * np.nan}, 'NaN or infinite'),
        ({'d_skel': BODY * 0}, 'ever non-zero'),
    ],
)
def test_contents_that_differ_are_told(make_source, variables, message):
    found = complaint(make_source(**variables))
    assert message in found
    assert NAME in found


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'its header is not that of version 5 to 7'),
        (b'MATLAB 5.0 MAT-file'.ljust(120), 'its header is not'),
        (b'MATLAB 5.0'.ljust(124) + b'\x00\x01IM', "it has no variable 'd_skel', only []"),
        (b'MATLAB 7.3'.ljust(124) + b'\x00\x02IM', 'it has version 7.3: save it with -v7'),
    ],
)
def test_file_that_is_no_matlab_file_is_told(make_source, content, message):
    source = make_source(d_skel=BODY)
    (source / 'Skeleton' / NAME).write_bytes(content)
    assert f'{NAME} cannot be read: {message}' in complaint(source)


@pytest.mark.parametrize('compressed', [False, True])
def test_arrays_are_what_scipy_reads(compressed):
    for array in (BODY, BODY.astype(np.float32), BODY[0, 0, 0], np.zeros((20, 3, 0))):
        file = BytesIO()
        others = {'before': {'a': 'text'}, 'd': array, 'after': 1}
        scipy.io.savemat(file, others, do_compression=compressed)
        expected = scipy.io.loadmat(BytesIO(file.getvalue()))['d']
        found = read_floats(file.getvalue(), 'd')
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('compressed', [False, True])
def test_damaged_files_end_in_a_sentence_or_in_numbers(compressed):
    file = BytesIO()
    scipy.io.savemat(file, {'d_skel': BODY}, do_compression=compressed)
    whole = file.getvalue()
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(500):
        damaged = bytearray(whole[: rng.integers(len(whole) + 1)] if rng.random() < 0.3 else whole)
        for place in rng.integers(120, 220, 2):
            damaged[place : place + 1] = rng.bytes(1)
        try:
            outcomes.add(read_floats(bytes(damaged), 'd_skel').dtype.kind)
        except ValueError as error:
            outcomes.add(str(error).split(':')[0])
    assert 'it is truncated' in outcomes


def test_a_file_that_would_unfold_beyond_measure_is_told():
    bomb = zlib.compress(bytes(1 << 27))
    element = b'MATLAB 5.0'.ljust(124) + b'\x00\x01IM' + struct.pack('<II', 15, len(bomb)) + bomb
    with pytest.raises(ValueError, match='holds more than 64 MiB'):
        read_floats(element, 'd_skel')


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('a1_s2_skeleton.mat', 'expected a name such as a1_s2_t3_skeleton.mat'),
        ('a28_s1_t1_skeleton.mat', 'there is no action 28'),
        ('a0_s1_t1_skeleton.mat', 'there is no action 0'),
    ],
)
def test_name_that_means_nothing_is_told(make_source, name, message):
    assert message in complaint(make_source(name, d_skel=BODY))


def test_source_that_is_no_such_folder_is_told(tmp_path, make_source):
    source = make_source('a1_s1_t1_inertial.mat', d_iner=BODY)
    with pytest.raises(InputError, match=r'there is no \*_skeleton\.mat file'):
        UTDMHADConverter().scan(source)
    with pytest.raises(InputError, match='is a file, expected a folder'):
        UTDMHADConverter().scan(source / 'Skeleton/a1_s1_t1_inertial.mat')


def test_synthetic_files_convert_without_a_complaint(tmp_path):
    generate(tmp_path / 'raw', FORMATS['utdmhad'].plan(subjects=2), fmt='utdmhad')
    convert('utdmhad', tmp_path / 'raw', tmp_path / 'a.pkl', strict=True)
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['synthetic'] is True
    assert len(data['split']['xsub_train']) == len(data['split']['xsub_val']) == 12
    # In any order of joints, heads must be above hips.
    head, hips = (KINECT_V1.joints.index(name) for name in ('head', 'hip_centre'))
    body = data['annotations'][0]['keypoint'][0]
    assert (body[:, head, 1] > body[:, hips, 1]).all()
