"""Folders of motion capture: labels, layout, units, axes, another rig."""

import json

import numpy as np
import pytest
from bvh_writing import BODY, bvh_text

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.datasets.converters.bvh_file import read_bvh
from mmcmd.datasets.skeleton_dataset import SkeletonDataset
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout


@pytest.fixture
def folder(tmp_path):
    """Return a function: name of a file -> text, to a folder."""

    def write(files):
        for name, text in files.items():
            (tmp_path / 'mocap' / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / 'mocap' / name).write_text(text)
        return tmp_path / 'mocap'

    return write


@pytest.fixture
def run(tmp_path):
    """Return a function: folder, options -> pickle's contents."""

    def run(source, **options):
        convert('bvh', source, tmp_path / 'out.pkl', strict=True, **options)
        return load_annotations(tmp_path / 'out.pkl')

    return run


def test_folder_becomes_a_data_set_with_a_layout_beside_it(tmp_path, folder, run, told):
    source = folder({'walk/a.bvh': bvh_text(), 'run/b.BVH': bvh_text(frames=4, seed=1)})
    data = run(source, jobs=2)
    assert data['classes'] == ['run', 'walk']
    assert [(x['frame_dir'], x['label']) for x in data['annotations']] == [('a', 1), ('b', 0)]
    assert [x['keypoint'].shape for x in data['annotations']] == [(1, 6, 17, 3), (1, 4, 17, 3)]
    written = json.loads((tmp_path / 'out.layout.json').read_text())
    assert get_layout(written) == get_layout(data['layout'])
    assert written['name'] == 'mocap'
    assert written['joints'][:2] == ['hips', 'spine']
    assert 'lengths in cm, body 1.59 m, 30 frames a second' in told.text
    SkeletonDataset(str(tmp_path / 'out.pkl'), [], layout=written)  # as a training would


def test_positions_are_metres_of_a_body_that_looks_into_the_sensor(folder, run):
    source = folder({'a.bvh': bvh_text()})
    raw = read_bvh(source / 'a.bvh').positions * 0.01
    kept, turned = (
        run(source, keep_heading=x)['annotations'][0]['keypoint'][0] for x in (True, None)
    )
    np.testing.assert_allclose(kept, raw, rtol=0, atol=1e-6)
    np.testing.assert_allclose(turned[..., 1], raw[..., 1], rtol=0, atol=1e-6)
    for joint in range(1, 17):
        np.testing.assert_allclose(
            np.linalg.norm(turned[:, joint] - turned[:, 0], axis=-1),
            np.linalg.norm(raw[:, joint] - raw[:, 0], axis=-1),
            rtol=0,
            atol=1e-6,
        )
    left, right = ([name for name, _, _ in BODY].index(f'{side}Arm') for side in ('Left', 'Right'))
    assert turned[0, right, 0] > turned[0, left, 0]


def test_labels_come_from_a_table_or_not_at_all(tmp_path, folder, run, told):
    source = folder({'walk/a.bvh': bvh_text(), 'walk/b.bvh': bvh_text()})
    (tmp_path / 'later.csv').write_text('name,label,split,subject\na.bvh,jump,mine_train,7\n')
    data = run(source, labels=tmp_path / 'later.csv')
    assert [(x['label'], x.get('subject')) for x in data['annotations']] == [(0, '7'), (-1, None)]
    assert data['split'] == {'all': ['b'], 'mine_train': ['a']}
    (source / 'labels.csv').write_text('name,label\na,3\nb,4\n')
    assert [x['label'] for x in run(source)['annotations']] == [3, 4]
    flat = folder({'../flat/c.bvh': bvh_text()}).parent / 'flat'
    assert run(flat)['split'] == {'all': ['c'], 'all_train': ['c']}
    assert '1 of 1 sequences have no label' in told.text


def test_files_of_the_same_name_get_that_of_their_folder_too(folder, run):
    source = folder({'walk/1.bvh': bvh_text(), 'run/1.bvh': bvh_text(seed=1)})
    assert [x['frame_dir'] for x in run(source)['annotations']] == ['run_1', 'walk_1']


def test_frame_rate_units_and_axes_are_options(folder, run, told):
    names = {'a.bvh': bvh_text(frames=12, time='0.0083333')}
    assert run(folder(names), fps=30)['annotations'][0]['total_frames'] == 3
    source = folder({'a.bvh': bvh_text()})
    y_up = run(source, keep_heading=True)['annotations'][0]['keypoint']
    twice = run(source, keep_heading=True, units='0.02')['annotations'][0]['keypoint']
    np.testing.assert_allclose(twice, 2 * y_up, rtol=1e-5)
    # The same body, which would lie on its back if y were up.
    rig = [(name, parent, (x, -z, y)) for name, parent, (x, y, z) in BODY]
    source = folder({'a.bvh': bvh_text(rig, frames=1)})
    assert 'lies or stands on its head' not in told.text
    run(source)
    assert 'its first body lies or stands on its head with y up' in told.text
    told.clear()
    hips, head = run(source, up='z')['annotations'][0]['keypoint'][0, 0, [0, 4], 1]
    assert head > hips + 0.4
    assert 'lies' not in told.text


def test_files_of_another_rate_need_one_rate_for_all(tmp_path, folder, run):
    source = folder({'a.bvh': bvh_text(), 'b.bvh': bvh_text(frames=24, time='0.0083333')})
    summary = convert('bvh', source, tmp_path / 'a.pkl')
    ((_, reason),) = summary.skipped
    assert 'b.bvh: has 120 frames a second, and ' in reason
    assert '30: give one rate for all, for example --fps 30' in reason
    assert [x['total_frames'] for x in run(source, fps=30)['annotations']] == [6, 6]


def test_layout_chooses_joints_by_their_names(tmp_path, folder, run):
    fields = dict(name='few', joints=['head', 'hand_right', 'hips'], parents=[2, 2, 2], centre=2)
    (tmp_path / 'few.json').write_text(json.dumps(fields))
    source = folder({'a.bvh': bvh_text()})
    whole, few = run(source), run(source, layout=tmp_path / 'few.json')
    assert few['layout']['name'] == 'few'
    order = [whole['layout']['joints'].index(name) for name in fields['joints']]
    np.testing.assert_array_equal(
        few['annotations'][0]['keypoint'], whole['annotations'][0]['keypoint'][:, :, order]
    )
    with pytest.raises(InputError, match=r'a\.bvh has no joint hip_centre, .* of the layout'):
        run(source, layout='kinect_v1')


def test_file_with_another_rig_or_without_a_frame_time_is_skipped_and_named(tmp_path, folder):
    rig = [(name.replace('Head', 'Skull'), parent, offset) for name, parent, offset in BODY]
    files = {'a.bvh': 'junk', 'b.bvh': bvh_text(), 'c.bvh': bvh_text(rig)}
    files |= {'d.bvh': bvh_text(time=None), 'e.bvh': bvh_text(BODY[:-1])}
    summary = convert('bvh', folder(files), tmp_path / 'a.pkl')
    assert [x['frame_dir'] for x in summary.annotations] == ['b']
    junk, head, time, fewer = (reason for _, reason in summary.skipped)
    assert 'a.bvh: has no line MOTION' in junk
    assert 'c.bvh: has another rig than' in head
    assert 'see Head' in head
    assert 'd.bvh: has no frame time' in time
    assert 'e.bvh: has another rig' in fewer


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'fps': 0.0}, 'fps must be above 0'),
        ({'up': 'x'}, "up must be y or z, got 'x'"),
        ({'units': 'm'}, r'a\.bvh: with --units m the body is 159 m tall; did you mean --units cm'),
        ({'labels': 'absent.csv'}, 'there is no absent.csv'),
        ({'layout': 'martian'}, "'martian'"),
    ],
)
def test_options_that_make_no_sense_are_told(folder, run, options, message):
    with pytest.raises(InputError, match=message):
        run(folder({'a.bvh': bvh_text()}), **options)


def test_source_that_is_no_such_folder_is_told(folder, run):
    source = folder({'a.txt': ''})
    with pytest.raises(InputError, match='is a file, expected a folder'):
        run(source / 'a.txt')
    with pytest.raises(InputError, match=r'there is no \*\.bvh file'):
        run(source)
    with pytest.raises(
        InputError, match=r'none of the first 2 files can be read: .*a\.bvh: has no'
    ):
        run(folder({'a.bvh': '', 'b.bvh': ''}))
