"""MSR-Action3D: text files, order of the joints, directions of the axes, bad files."""

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import LeftOut, MSRAction3DConverter, convert
from mmcmd.datasets.converters.msraction3d import JOINTS
from mmcmd.errors import InputError
from mmcmd.skeletons import KINECT_V1
from mmcmd.synthetic import FORMATS, generate

NAME = 'a01_s02_e03_skeleton3D.txt'
# Places of the joints that matter: x to the right of the performer, y up.
PLACES = {'shoulder_left': (-0.2, 1.4), 'shoulder_right': (0.2, 1.4), 'hip_left': (-0.1, 0.9)}
PLACES |= {'hip_right': (0.1, 0.9), 'shoulder_centre': (0, 1.45), 'hip_centre': (0, 0.95)}


def body(frames=3, seed=0):
    """Return joints in the order of the files, (T, 20, 3), of a performer who faces the sensor."""
    joints = np.random.default_rng(seed).normal((0, 1, 3), 0.01, (frames, 20, 3))
    for name, (x, y) in PLACES.items():
        joints[:, JOINTS.index(name), :2] += (x, y - 1)
    return joints


def text(joints):
    rows = joints.reshape(-1, 3)
    return '\r\n'.join(f'{x:.7g}   {y:.7g} {z:.7g} {0.5}' for x, y, z in rows) + '\r\n'


@pytest.fixture
def make_source(tmp_path):
    """Return a function: name -> joints or text, to a folder."""

    def make(files):
        folder = tmp_path / 'msr/MSRAction3DSkeletonReal3D'
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            content = content if isinstance(content, str) else text(content)
            (folder / name).write_text(content, newline='')
        return tmp_path / 'msr'

    return make


def complaint(source, error=ValueError, **options):
    converter = MSRAction3DConverter(**options)
    (item,) = converter.scan(source)
    with pytest.raises(error, match=r'\.txt') as caught:
        converter.read(item)
    return str(caught.value)


def test_a_file_survives_the_way_to_the_pickle(tmp_path, make_source):
    joints = body()
    source = make_source({NAME: joints, 'a20_s09_e01_skeleton3D.txt': body(seed=1)})
    convert('msraction3d', source, tmp_path / 'a.pkl', strict=True)
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['layout'] == 'kinect_v1'
    assert (len(data['classes']), data['classes'][19]) == (20, 'pick up and throw')
    assert data['split'] == {'xsub_train': ['a20_s09_e01'], 'xsub_val': ['a01_s02_e03']}
    first, last = data['annotations']
    assert [first[key] for key in ('label', 'subject', 'repetition', 'total_frames')] == [
        0,
        2,
        3,
        3,
    ]
    assert (last['label'], last['subject']) == (19, 9)
    for number, name in enumerate(KINECT_V1.joints):
        np.testing.assert_allclose(
            first['keypoint'][0, :, number], joints[:, JOINTS.index(name)], atol=1e-6
        )


@pytest.mark.parametrize('signs', [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (-1, -1, 1)])
def test_axes_point_as_in_the_other_kinect_v1_data(tmp_path, make_source, signs):
    files = {f'a01_s{number:02}_e01_skeleton3D.txt': body(seed=number) for number in (1, 2, 3)}
    turned = {name: joints * signs for name, joints in files.items()}
    # One performer turns the back to the sensor. The majority of the files decides.
    turned['a01_s03_e01_skeleton3D.txt'] *= [-1, 1, 1]
    convert('msraction3d', make_source(turned), tmp_path / 'a.pkl', strict=True)
    samples = load_annotations(tmp_path / 'a.pkl')['annotations']
    order = [JOINTS.index(name) for name in KINECT_V1.joints]
    for sample, joints in zip(samples[:2], files.values(), strict=False):
        np.testing.assert_allclose(sample['keypoint'][0], joints[:, order], atol=1e-6)


def test_only_the_sequences_of_the_list_are_kept(tmp_path, make_source):
    source = make_source({NAME: body(), 'a02_s01_e01_skeleton3D.txt': body()})
    (tmp_path / 'valid.txt').write_text('a02_s01_e01_skeleton3D.txt\na03_s01_e01\n')
    summary = convert('msraction3d', source, tmp_path / 'a.pkl', valid=tmp_path / 'valid.txt')
    assert [sample['frame_dir'] for sample in summary.annotations] == ['a02_s01_e01']
    ((_, reason),) = summary.left_out
    assert f'{NAME}: not in the list of valid sequences' in reason
    for content, message in (('none\n', 'names no sequence'), ('a09_s09_e09', 'names no file')):
        (tmp_path / 'valid.txt').write_text(content)
        with pytest.raises(InputError, match=message):
            convert('msraction3d', source, tmp_path / 'b.pkl', valid=tmp_path / 'valid.txt')
    with pytest.raises(InputError, match='there is no list of valid sequences'):
        MSRAction3DConverter(valid=tmp_path / 'absent.txt')


def test_file_without_a_skeleton_is_left_out(make_source):
    source = make_source({'a13_s09_e02_skeleton3D.txt': np.zeros((4, 20, 3))})
    assert 'no joint is ever non-zero' in complaint(source, LeftOut)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a1_s2_e3_skeleton3D.txt', body(), 'expected a name such as a01_s02_e03_skeleton3D.txt'),
        ('a21_s02_e03_skeleton3D.txt', body(), 'there is no action 21'),
        (NAME, '', '0 numbers, expected x, y, z and a confidence of 20 joints'),
        (NAME, '1 2 3 4\n' * 39, '156 numbers, expected'),
        (NAME, text(body()).replace('0.5', 'x', 1), "expected a number, got 'x'"),
        (NAME, body() * np.nan, 'NaN or infinite'),
        (NAME, body() * 100, 'is in pixels, not metres: take MSRAction3DSkeletonReal3D'),
    ],
)
def test_files_that_differ_are_told(make_source, name, content, message):
    assert message in complaint(make_source({name: content}))


def test_source_that_is_no_such_folder_is_told(tmp_path, make_source):
    source = make_source({'a01_s02_e03_skeleton.txt': '1 2 3 4'})
    with pytest.raises(InputError, match='only files in pixels: take MSRAction3DSkeletonReal3D'):
        MSRAction3DConverter().scan(source)
    with pytest.raises(InputError, match='is a file, expected a folder'):
        MSRAction3DConverter().scan(next(source.rglob('*.txt')))


def test_synthetic_files_convert_without_a_complaint(tmp_path):
    plan = FORMATS['msraction3d'].plan(subjects=2, actions=4)
    generate(tmp_path / 'raw', plan, fmt='msraction3d')
    convert('msraction3d', tmp_path / 'raw', tmp_path / 'a.pkl', strict=True)
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['synthetic'] is True
    assert len(data['split']['xsub_train']) == len(data['split']['xsub_val']) == 4
    names = ('head', 'hip_centre', 'shoulder_left', 'shoulder_right', 'wrist_left', 'elbow_left')
    for sample in data['annotations']:
        body = sample['keypoint'][0, 0]
        head, hips, left, right, wrist, elbow = (body[KINECT_V1.joints.index(x)] for x in names)
        assert head[1] > hips[1] + 0.3
        assert right[0] > left[0] + 0.1
        assert np.linalg.norm(wrist - elbow) < 0.5
