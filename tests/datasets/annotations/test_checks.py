"""The checks report each fault of a file with its remedy, and nothing for a correct file."""

import numpy as np
import pytest

from mmcmd.datasets.annotations.inspection import inspect_annotations
from mmcmd.datasets.transforms.normalize import normalize_skeleton
from mmcmd.skeletons import KINECT_V1, get_layout

# MSR-Action3D has the same 20 joints in another order. Each number is an index in Kinect v1.
MSR_ORDER = [4, 8, 2, 1, 12, 16, 0, 5, 9, 6, 10, 7, 11, 13, 17, 14, 18, 15, 19, 3]
# UTD-MHAD's files begin with the head.
UTD_ORDER = [3, 2, 1, 0, *range(4, 20)]


def told(data):
    return [str(finding) for finding in inspect_annotations(data).findings]


def only(data):
    """Return the only finding, in words."""
    (line,) = told(data)
    assert '\n' not in line
    return line


@pytest.mark.parametrize('layout', ['kinect_v1', 'ntu'])
def test_healthy_file_has_no_finding(healthy, layout):
    assert told(healthy(layout)) == []


@pytest.mark.parametrize('layout', ['kinect_v1', 'ntu'])
def test_normalized_healthy_file_has_no_finding(healthy, layout):
    data = healthy(layout) | {'normalized': True}
    for sample in data['annotations']:
        sample['keypoint'] = normalize_skeleton(sample['keypoint'], get_layout(layout))
    assert told(data) == []


def test_points_in_an_image_have_no_finding(healthy):
    layout = {**KINECT_V1.to_dict(), 'name': 'image', 'spine': None, 'shoulders': None}
    data = healthy() | {'layout': layout}
    for sample in data['annotations']:
        sample['keypoint'] = 400 + 300 * sample['keypoint'][..., :2]
    assert told(data) == []


def change(data, function, every=1):
    """Change the coordinates of every n-th sample."""
    for sample in data['annotations'][::every]:
        sample['keypoint'] = function(sample['keypoint'])
    return data


def test_shoulders_that_are_named_the_wrong_way_round_turn_bodies_upside_down(healthy):
    layout = {**KINECT_V1.to_dict(), 'name': 'mine'}
    layout['shoulders'] = layout['shoulders'][::-1]
    line = only(healthy() | {'layout': layout})
    assert line.startswith('the shoulders point away from +x in 100 % of the bodies; ')
    assert 'after the normalisation 2 of 36 (5.6 %) bodies are upside down, such as s' in line
    assert line.endswith(
        "Exchange the two joints of `shoulders` in the layout 'mine', now shoulder_right and "
        'shoulder_left'
    )


def flip(keypoint):
    """Turn a body upside down, about the axis from the sensor to the body."""
    return keypoint * np.float32([-1, -1, 1])


def test_bodies_that_are_upside_down_are_told_whatever_the_reason(healthy):
    """Some of the sequences were recorded or normalised with another up axis."""
    plain = {**KINECT_V1.to_dict(), 'name': 'plain', 'spine': None, 'shoulders': None}
    line = only(change(healthy() | {'layout': plain}, flip, every=6))
    assert line.startswith('6 of 36 (16.7 %) bodies are upside down after the normalisation')
    assert line.endswith('Turn their coordinates, so that +y is up in all sequences')

    data = healthy() | {'normalized': True}
    for sample in data['annotations']:
        sample['keypoint'] = normalize_skeleton(sample['keypoint'], KINECT_V1)
    line = only(change(data, lambda keypoint: keypoint * np.float32([1, -1, -1]), every=6))
    assert line.startswith('6 of 36 (16.7 %) bodies are upside down after the normalisation')
    assert 'Normalise the raw coordinates again' in line


def test_one_body_that_is_upside_down_may_be_a_handstand(healthy):
    plain = {**KINECT_V1.to_dict(), 'name': 'plain', 'spine': None, 'shoulders': None}
    assert told(change(healthy() | {'layout': plain}, flip, every=30)) == []


def test_short_spine_that_tilts_makes_bodies_lean(healthy):
    layout = {**KINECT_V1.to_dict(), 'name': 'mine', 'spine': (0, 1)}

    def tilt(keypoint):
        keypoint[:, :, 1] = keypoint[:, :, 0] + np.float32([0, 0.05, 0.05])
        return keypoint

    line = only(change(healthy() | {'layout': layout}, tilt))
    assert 'the median body leans ' in line
    assert 'now hip_centre and spine, span the trunk from the hips to the shoulders' in line


@pytest.mark.parametrize(
    'order',
    [MSR_ORDER, UTD_ORDER, [*range(1, 20), 0], [*range(4), *range(12, 20), *range(4, 12)]],
    ids=['msr', 'utd', 'shifted', 'legs_first'],
)
def test_joints_of_another_layout_are_told_by_their_bones(healthy, order):
    line = only(change(healthy(), lambda keypoint: keypoint[:, :, order]))
    assert " of 19 bones of layout 'kinect_v1' look wrong, so the joints may have" in line
    assert 'Compare `joints` and `parents` of the layout' in line


def test_spine_that_is_named_upside_down_is_told(healthy):
    layout = {**KINECT_V1.to_dict(), 'name': 'mine'}
    layout['spine'] = layout['spine'][::-1]
    line = only(healthy() | {'layout': layout})
    assert line.startswith('36 of 36 (100.0 %) bodies are upside down after the normalisation')
    assert line.endswith('now shoulder_centre and hip_centre')


@pytest.mark.parametrize(('factor', 'unit'), [(1000, 'millimetres'), (100, 'centimetres')])
def test_units_that_are_no_metres_are_told(healthy, factor, unit):
    line = only(change(healthy(), lambda keypoint: factor * keypoint))
    assert 'from end to end, so the unit is not metres' in line
    assert f'These look like {unit}: divide by {factor:,}' in line


def test_confidence_in_place_of_the_third_coordinate_is_told(healthy):
    layout = {**KINECT_V1.to_dict(), 'name': 'image', 'spine': None, 'shoulders': None}
    rng = np.random.default_rng(0)

    def to_pixels(keypoint):
        keypoint = 400 + 300 * keypoint
        keypoint[..., 2] = rng.uniform(0.2, 1, keypoint.shape[:-1])
        return keypoint

    line = only(change(healthy() | {'layout': layout}, to_pixels))
    assert 'this looks like x, y and a confidence' in line


def blank(joints):
    def function(keypoint):
        keypoint[:, :, joints] = 0
        return keypoint

    return function


def test_joints_that_are_always_zero_are_told(healthy):
    """A sensor with 20 joints has written files with 25 joints."""
    line = only(change(healthy('ntu'), blank([20, 21, 22, 23, 24])))
    assert line.startswith('5 of 25 joints are always zero')
    assert '20 spine_shoulder, 21 hand_tip_left' in line


def test_joints_that_are_mostly_zero_are_told(healthy):
    data = healthy('ntu')
    for sample in data['annotations'][:25]:
        sample['keypoint'][:, :, [21, 22]] = 0
    assert only(data).startswith('2 of 25 joints are zero in more than 50% of the bodies: 21 hand_')


def test_joint_that_the_coordinates_are_centred_on_is_told_unless_it_is_the_centre(healthy):
    for joint, count in ((KINECT_V1.centre, 0), (3, 1)):
        data = change(healthy(), lambda keypoint, joint=joint: keypoint - keypoint[:, :, [joint]])
        lines = told(data)
        assert len(lines) == count
    assert lines[0].startswith('joint 3 head is always zero')
    assert 'make it the `centre`' in lines[0]


def test_sequences_that_show_nobody_in_many_frames_are_told(healthy):
    def leave(keypoint):
        keypoint[:, : keypoint.shape[1] // 2] = 0
        return keypoint

    line = only(change(healthy(), leave, every=9))
    assert line.startswith(
        '4 of 36 (11.1 %) sequences show nobody in more than 25% of their frames'
    )


def test_all_zero_sequences_are_told(healthy):
    line = only(change(healthy(), lambda keypoint: keypoint * 0, every=18))
    assert line.startswith('2 of 36 (5.6 %) samples are all zero, such as s1a0t1')


def test_sequences_of_one_frame_are_told(healthy):
    data = healthy()
    data['annotations'][4]['keypoint'] = data['annotations'][4]['keypoint'][:, :1]
    data['annotations'][4]['total_frames'] = 1
    assert only(data).startswith('1 of 36 (2.8 %) sequences have one frame, such as s1a2t1. They')


def test_empty_splits_are_told(healthy):
    data = healthy()
    data['split'] |= {'xview_train': data['split']['xsub_train'], 'xview_val': []}
    line = only(data)
    assert line.startswith('1 splits have no sequence: xview_val. ')


def test_classes_that_a_split_lacks_are_told(healthy):
    data = healthy()
    kept = [x for x in data['annotations'] if x['label'] != 2 or x['subject'] <= 4]
    data['annotations'] = kept
    names = {x['frame_dir'] for x in kept}
    data['split'] = {k: [x for x in v if x in names] for k, v in data['split'].items()}
    line = only(data)
    assert line.startswith('xsub_val has no sequence of 1 classes (2), so no result says anything')
    data['split'] = {
        'xsub_train': data['split']['xsub_val'],
        'xsub_val': data['split']['xsub_train'],
    }
    line = only(data)
    assert line.startswith('xsub_train has no sequence of 1 classes (2), so no training can learn')


def test_twins_across_splits_are_counted_in_percent(healthy):
    data = healthy()
    samples = {x['frame_dir']: x for x in data['annotations']}
    for label in (0, 1, 2):
        twin = samples[f's1a{label}t1']
        samples[f's6a{label}t2'].update(
            keypoint=twin['keypoint'].copy(), total_frames=twin['total_frames']
        )
    lines = told(data)
    assert lines == [
        'LEAK: 3 of 12 (25.0 %) sequences of xsub_val are also in xsub_train, such as s1a0t1 and '
        's6a0t2. Convert the data again with --drop-twins',
        '3 groups of exact twins, such as s1a0t1 and s6a0t2. Convert the data again with '
        '--drop-twins',
    ]
