"""The unit of length follows from the height of a body; frame rates are changed."""

import numpy as np
import pytest
from bvh_writing import BODY, rig_of

from mmcmd.datasets.converters.bvh_units import find_scale, resample
from mmcmd.errors import InputError


@pytest.fixture
def rig():
    return rig_of(BODY)[0]


@pytest.mark.parametrize(('unit', 'factor'), [('m', 0.01), ('cm', 1), ('mm', 10), ('in', 1 / 2.54)])
def test_unit_is_told_by_the_height(unit, factor):
    scale = find_scale(rig_of([(n, p, np.array(o) * factor) for n, p, o in BODY])[0], None, 'x')
    assert scale * factor == pytest.approx(0.01)


@pytest.mark.parametrize(
    ('factor', 'units', 'message'),
    [
        (0.2, None, r'x\.bvh: the body is 31\.8\d units tall, .* for example --units 0\.0534'),
        (1, 'm', r'with --units m the body is 159 m tall; did you mean --units cm\?'),
        (1, 'furlong', r"units 'furlong': expected m, cm, mm, in or metres a unit"),
        (1, '-2', r"units '-2'"),
        (1, 'nan', r"units 'nan'"),
    ],
)
def test_odd_units_are_told(factor, units, message):
    rig, _ = rig_of([(n, p, np.array(o) * factor) for n, p, o in BODY])
    with pytest.raises(InputError, match=message):
        find_scale(rig, units, 'x.bvh')


def test_unit_may_be_a_number(rig):
    assert find_scale(rig, '0.0564', 'x') == 0.0564


def test_frame_rate_is_changed_by_whole_steps_or_between_frames():
    motion = np.arange(13.0)[:, None, None] * [1, 2, 3]
    np.testing.assert_array_equal(resample(motion, 120, 30), motion[::4])
    np.testing.assert_array_equal(resample(motion, 30.00003, 30), motion)
    np.testing.assert_allclose(
        resample(motion, 50, 20)[:, 0, 0], [0, 2.5, 5, 7.5, 10], rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(resample(motion, 10, 20)[:5, 0, 0], [0, 0.5, 1, 1.5, 2])
    assert len(resample(motion[:1], 50, 20)) == 1
