"""UTKinect-Action3D: recordings of many actions, intervals by frame numbers, bad files."""

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import LeftOut, UTKinectConverter, convert
from mmcmd.errors import InputError
from mmcmd.synthetic import FORMATS, generate

LABELS = 's01_e01\nwalk: 252 256\nsitDown: 260 264 \n'


def frames(numbers, seed=0):
    """Return rows: a number and joints each, (T, 61)."""
    joints = np.random.default_rng(seed).normal(size=(len(numbers), 60)).round(6)
    return np.column_stack([numbers, joints])


def text(rows):
    return ''.join(
        f'{int(n)}   {"  ".join(f"{x:.6f}" for x in xyz)}\n' for n, *xyz in rows.tolist()
    )


@pytest.fixture
def make_source(tmp_path):
    """Return a function: text of the labels, rows or text by recording -> folder."""

    def make(labels=LABELS, **recordings):
        (tmp_path / 'utk/joints').mkdir(parents=True, exist_ok=True)
        (tmp_path / 'utk/actionLabel.txt').write_text(labels)
        for name, rows in (recordings or {'s01_e01': frames(range(250, 266, 2))}).items():
            content = rows if isinstance(rows, str) else text(rows)
            (tmp_path / f'utk/joints/joints_{name}.txt').write_text(content)
        return tmp_path / 'utk'

    return make


def test_actions_are_cut_by_the_numbers_of_their_frames(tmp_path, make_source):
    rows = frames([250, 252, 254, 254, 256, 258, 262, 264])  # 254 twice, 260 is lost
    other = frames([7, 8], 1)
    source = make_source(LABELS + 's02_e02\nclapHands: 0 9\n', s01_e01=rows, s02_e02=other)
    convert('utkinect', source, tmp_path / 'a.pkl', strict=True)
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['layout'] == 'kinect_v1'
    assert data['classes'][8:] == ['waveHands', 'clapHands']
    assert data['split'] == {
        'xsub_train': ['s01_e01_sitDown', 's01_e01_walk'],
        'xsub_val': ['s02_e02_clapHands'],
    }
    sit, walk, clap = data['annotations']
    for sample, expected in ((walk, rows[[1, 2, 4]]), (sit, rows[[6, 7]]), (clap, other)):
        np.testing.assert_array_equal(
            sample['keypoint'][0].reshape(-1, 60), expected[:, 1:].astype(np.float32)
        )
    assert [walk[key] for key in ('label', 'subject', 'episode')] == [0, 1, 1]
    assert [clap[key] for key in ('label', 'subject', 'episode')] == [9, 2, 2]


def test_action_without_frames_in_the_list_is_left_out(make_source):
    converter = UTKinectConverter()
    (item,) = converter.scan(make_source('s01_e01\ncarry: NaN NaN\n'))
    with pytest.raises(LeftOut, match=r'actionLabel\.txt, line 2.*the list gives no frames'):
        converter.read(item)


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ('s01_e01\nwalk 252 256\n', 'line 2: expected an action and two frames'),
        ('s01_e01\nfly: 252 256\n', "there is no action 'fly'"),
        ('s01_e01\nwalk: 252 x\n', 'expected the numbers of two frames'),
        ('s01_e01\nwalk: 900 999\n', 'no frame from 900 to 999 is there'),
        ('s07_e01\nwalk: 252 256\n', 'there is no joints_s07_e01.txt'),
    ],
)
def test_labels_that_make_no_sense_are_told(make_source, labels, message):
    converter = UTKinectConverter()
    (item,) = converter.scan(make_source(labels))
    with pytest.raises(ValueError, match=r'actionLabel\.txt') as caught:
        converter.read(item)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('252 1 2 3\n', r'joints_s01_e01\.txt, line 1: 4 numbers, expected 61'),
        (text(frames([252])).replace('252', 'x'), r"joints_s01_e01\.txt: .*got 'x'"),
        ('', 'no frame from 252'),
    ],
)
def test_recordings_that_differ_are_told(make_source, content, message):
    converter = UTKinectConverter()
    item, _ = converter.scan(make_source(s01_e01=content))
    with pytest.raises(ValueError, match=message):
        converter.read(item)


def test_source_that_is_no_such_folder_is_told(tmp_path, make_source):
    source = make_source()
    with pytest.raises(InputError, match='is a file, expected a folder'):
        UTKinectConverter().scan(source / 'actionLabel.txt')
    for labels, message in (('', 'names no action'), ('walk: 1 2\n', 'expected a recording')):
        with pytest.raises(InputError, match=message):
            UTKinectConverter().scan(make_source(labels))
    (source / 'joints/actionLabel.txt').write_text(LABELS)
    with pytest.raises(InputError, match='two or more files'):
        UTKinectConverter().scan(source)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match='there is no file actionLabel'):
        UTKinectConverter().scan(tmp_path / 'empty')


def test_synthetic_files_convert_without_a_complaint(tmp_path):
    plan = FORMATS['utkinect'].plan(subjects=2, actions=3)
    generate(tmp_path / 'raw', plan, fmt='utkinect')
    convert('utkinect', tmp_path / 'raw', tmp_path / 'a.pkl', strict=True)
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['synthetic'] is True
    assert len(data['split']['xsub_train']) == len(data['split']['xsub_val']) == 3
    # If a frame has two lines, the second one is left out.
    content = (tmp_path / 'raw/joints/joints_s01_e01.txt').read_text().splitlines()
    lengths = [x['total_frames'] for x in data['annotations'] if x['subject'] == 1]
    assert sum(lengths) == len({line.split()[0] for line in content}) < len(content)
