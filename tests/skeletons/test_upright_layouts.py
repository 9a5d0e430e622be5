"""In every layout a standing body stands upright after the pre-normalisation."""

import numpy as np
import pytest

from mmcmd.datasets.annotations.uprightness import long_axis, measure_uprightness
from mmcmd.datasets.transforms import normalize_skeleton
from mmcmd.skeletons import LAYOUTS, take_point

TURNED = sorted(name for name, layout in LAYOUTS.items() if layout.spine)
PUBLISHED = ('ntu',)  # its spine is that of 2s-AGCN and CMD, from the hips to the middle


def angle(first, second):
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@pytest.mark.parametrize('name', TURNED)
def test_spine_spans_the_trunk_from_the_hips_to_the_shoulders(name, body):
    layout, pose = LAYOUTS[name], body(name)[0, 0].astype(float)
    bottom, top = (take_point(pose, point) for point in layout.spine)
    lower, upper = (pose[list(joints)].mean(axis=0) for joints in long_axis(layout))
    assert angle(top - bottom, upper - lower) < 5
    share = np.linalg.norm(top - bottom) / np.linalg.norm(upper - lower)
    assert share > (0.5 if name in PUBLISHED else 0.95)


@pytest.mark.parametrize('turn', [-60, 0, 60])
@pytest.mark.parametrize('name', TURNED)
def test_body_is_upright_and_faces_one_way(name, turn, body):
    layout, keypoint = LAYOUTS[name], body(name, turn)
    found = measure_uprightness([{'frame_dir': 'a', 'keypoint': keypoint}], layout)
    assert (found.up, found.upside_down) == ('+z', [])
    assert found.median < 6
    pose = normalize_skeleton(keypoint, layout)[0, 0]
    first, second = (take_point(pose, point) for point in layout.shoulders)
    np.testing.assert_allclose((second - first)[1:], 0, atol=1e-5)
    assert (second - first)[0] > 0.3
    assert take_point(pose, layout.centre) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize('name', sorted(set(LAYOUTS) - set(TURNED)))
def test_body_of_a_layout_that_turns_nothing_is_upright_along_an_axis(name, body):
    sample = {'frame_dir': 'a', 'keypoint': body(name)}
    found = measure_uprightness([sample], LAYOUTS[name])
    assert found.up == ('+y' if name == 'bandai2' else '-y')
    assert found.median < 1
