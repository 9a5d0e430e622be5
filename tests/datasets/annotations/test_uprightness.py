import numpy as np
import pytest

from mmcmd.datasets.annotations.uprightness import long_axis, measure_uprightness
from mmcmd.skeletons import LAYOUTS, get_layout

KINECT = LAYOUTS['kinect_v1']


def body(frames=5, turn=0.0, bend=0.0):
    """Return a person (1, T, 20, 3) in front of a Kinect: y up, its right hand at +x."""
    points = {
        'hip_centre': (0, 1.0, 0),
        'spine': (0, 1.06, 0.05),  # behind the line from the hips to the shoulders
        'shoulder_centre': (0, 1.45, 0),
        'head': (0, 1.65, 0),
    }
    limbs = dict(shoulder=(0.2, 1.42), elbow=(0.25, 1.15), wrist=(0.25, 0.9), hand=(0.25, 0.8))
    limbs |= dict(hip=(0.1, 1.0), knee=(0.1, 0.5), ankle=(0.1, 0.1), foot=(0.1, 0.02))
    for side, sign in (('left', -1), ('right', 1)):
        points |= {f'{name}_{side}': (sign * x, y, 0) for name, (x, y) in limbs.items()}
    joints = np.array([points[name] for name in KINECT.joints])
    sin, cos = np.sin(np.radians(bend)), np.cos(np.radians(bend))
    above = joints[:, 1] > 1.01
    joints[above] = (joints - [0, 1, 0])[above] @ [[1, 0, 0], [0, cos, sin], [0, -sin, cos]]
    joints[above] += [0, 1, 0]
    sin, cos = np.sin(np.radians(turn)), np.cos(np.radians(turn))
    joints = joints @ [[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]] + [0.5, -0.8, 3]
    return np.repeat(joints[None, None], frames, axis=1).astype(np.float32)


def sample(keypoint, name='a'):
    return {'frame_dir': name, 'keypoint': keypoint}


def lean(keypoint, layout=KINECT, **options):
    return measure_uprightness([sample(keypoint)], layout, **options).leans[0]


@pytest.mark.parametrize('turn', [0, 30, -50])
def test_standing_body_is_upright_from_every_side(turn):
    assert lean(body(turn=turn)) < 2


def test_short_spine_that_tilts_backwards_makes_the_body_lean():
    tilted = get_layout(KINECT.to_dict() | {'spine': (0, 1)})
    assert lean(body(), tilted) == pytest.approx(np.degrees(np.arctan2(0.05, 0.06)), abs=2)


def test_lean_is_that_of_the_first_frame_that_has_hips_and_shoulders():
    keypoint = np.concatenate([body(2), body(4, bend=40)], axis=1)
    assert lean(keypoint) < 2
    keypoint[0, :2, 12] = 0
    assert lean(keypoint) == pytest.approx(40, abs=1)


def test_bodies_whose_shoulders_point_the_other_way_are_upside_down():
    swapped = get_layout(KINECT.to_dict() | {'shoulders': KINECT.shoulders[::-1]})
    wrong = body()
    wrong[..., 8, 1] += 0.02  # never exactly horizontal, so the rotation passes the vertical
    found = measure_uprightness([sample(body(turn=100)), sample(wrong, 'b')], swapped)
    assert found.upside_down == ['b']
    assert measure_uprightness([sample(wrong)], KINECT).upside_down == []


def test_empty_frames_and_missing_joints_are_left_out():
    keypoint = body(6)
    keypoint[0, 0] = 0
    keypoint[0, 3, 4] = 0
    assert lean(keypoint) < 2
    found = measure_uprightness([sample(keypoint * 0), sample(keypoint, 'b')], KINECT)
    assert np.isnan(found.leans[0])
    assert found.median == found.leans[1]
    assert np.isnan(measure_uprightness([sample(keypoint * 0)], KINECT).median)


def test_normalised_coordinates_are_not_turned_again():
    keypoint = body(bend=20)[..., [0, 2, 1]] * [1, -1, 1]  # z is up
    keypoint -= keypoint[:, :, KINECT.centre, None]
    assert lean(keypoint, normalized=True) == pytest.approx(20, abs=3)


def test_up_axis_of_a_layout_that_turns_nothing_is_that_of_most_bodies():
    flat = get_layout(KINECT.to_dict() | {'spine': None, 'shoulders': None})
    image = body()[..., :2] * [1, -1]
    found = measure_uprightness([sample(image), sample(image, 'b'), sample(-image, 'c')], flat)
    assert (found.up, found.upside_down) == ('-y', ['c'])
    assert found.leans[0] < 2


def test_layout_with_unknown_names_is_measured_along_its_spine():
    fields = dict(name='mine', joints='abcd', parents=[0, 0, 1, 1], centre=0)
    assert long_axis(get_layout(fields)) is None
    assert long_axis(get_layout(fields | dict(spine=(0, 1), shoulders=(2, 3)))) == ((0,), (1,))
    assert np.isnan(lean(body()[:, :, :4], get_layout(fields)))
