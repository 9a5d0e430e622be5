"""A body stands upright before the camera, for any position of the sensor."""

import numpy as np
import pytest

from mmcmd.serving.display import frames_to_draw
from mmcmd.skeletons import LAYOUTS


@pytest.mark.parametrize('name', ['ntu', 'kinect_v1', 'bandai2'])
@pytest.mark.parametrize('degrees', [0, 30])
def test_head_is_up_and_left_hand_is_at_the_viewer_s_right(body, name, degrees):
    layout = LAYOUTS[name]
    points = frames_to_draw(body(name, degrees), layout)
    names = list(layout.joints)
    head, foot = (next(i for i, x in enumerate(names) if part in x) for part in ('head', 'foot'))
    assert (points[0, :, head, 1] - points[0, :, foot, 1] > 0.5).all()
    left = next(i for i, x in enumerate(names) if 'shoulder' in x and 'left' in x)
    right = names.index(names[left].replace('left', 'right'))
    assert (points[0, :, left, 0] > points[0, :, right, 0]).all(), 'it looks at the viewer'


def test_a_walk_is_seen():
    keypoint = np.random.default_rng(0).normal(size=(1, 5, 25, 3)).astype(np.float32)
    keypoint[:] = keypoint[:, :1]
    keypoint += np.arange(5, dtype=np.float32).reshape(1, 5, 1, 1)
    points = frames_to_draw(keypoint, LAYOUTS['ntu'])
    steps = np.linalg.norm(np.diff(points.mean(axis=2)[0], axis=0), axis=-1)
    np.testing.assert_allclose(steps, np.sqrt(3), rtol=1e-4)
    np.testing.assert_allclose(points[0, 0].mean(axis=0), 0, atol=1e-5)


def test_missing_joints_and_absent_persons_are_nan():
    keypoint = np.ones((2, 3, 25, 3), np.float32)
    keypoint += np.random.default_rng(0).random(keypoint.shape, np.float32)
    keypoint[1] = 0
    keypoint[0, 1, 7] = 0
    points = frames_to_draw(keypoint, LAYOUTS['ntu'])
    assert np.isnan(points[1]).all()
    missing = np.argwhere(np.isnan(points[0]).all(axis=-1))
    assert missing.tolist() == [[1, 7]]


def test_an_image_is_not_upside_down(body):
    keypoint = np.random.default_rng(0).random((1, 2, 17, 2), np.float32)
    points = frames_to_draw(keypoint, LAYOUTS['coco'])
    assert not points[..., 2].any()
    assert points[0, 0, :, 1].argmax() == keypoint[0, 0, :, 1].argmin()
