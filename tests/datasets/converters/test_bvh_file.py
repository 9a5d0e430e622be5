"""Positions from BVH files: equal to those of pybvh, channels of position, damaged files."""

import numpy as np
import pytest
from bvh_writing import BODY, bvh_text

from mmcmd.datasets.converters.bvh_file import read_bvh


@pytest.fixture
def read(tmp_path):
    """Return a function: text of a file -> what is read."""

    def read(text):
        (tmp_path / 'walk.bvh').write_text(text)
        return read_bvh(tmp_path / 'walk.bvh')

    return read


@pytest.mark.parametrize('order', ['ZXY', 'XYZ', 'YXZ', 'ZYX', 'XZY', 'YZX'])
@pytest.mark.filterwarnings('ignore:.*up axis')
def test_positions_are_those_of_pybvh(tmp_path, read, order):
    pybvh = pytest.importorskip('pybvh')
    motion = read(bvh_text(order=order, frames=9))
    theirs = pybvh.read_bvh_file(tmp_path / 'walk.bvh', world_up='+y')
    assert list(motion.names) == theirs.joint_names
    assert motion.rate == pytest.approx(theirs.fps, rel=1e-5)
    # Here a root's position comes from its channels only. Others may add its offset, which is a
    # constant shift.
    expected = theirs.joint_positions()
    shift = expected[0, 0] - motion.positions[0, 0]
    np.testing.assert_allclose(motion.positions + shift, expected, rtol=0, atol=1e-9)


def test_channels_of_position_replace_the_offset(read):
    plain, everywhere = (read(bvh_text(everywhere=x)).positions for x in (False, True))
    assert plain.shape == everywhere.shape == (6, len(BODY), 3)
    text = bvh_text(everywhere=True)
    values = np.array([line.split() for line in text.splitlines()[-6:]], float)
    # The columns of Spine follow the six of Hips: three of position, three of rotation.
    spine = np.linalg.norm(values[:, 6:9], axis=1)
    moved = text.replace('OFFSET 0 20 0', 'OFFSET 0 99 0')
    np.testing.assert_array_equal(read(moved).positions, everywhere)
    bone = np.linalg.norm(everywhere[:, 1] - everywhere[:, 0], axis=1)
    np.testing.assert_allclose(bone, spine)


def test_one_joint_turns_another_by_hand(read):
    """A bone along x, turned by 90 degrees about z and then about its own x."""
    rig = (('Hips', None, (0, 0, 0)), ('A', 'Hips', (1, 0, 0)), ('B', 'A', (0, 2, 0)))
    text = bvh_text(rig, frames=1)
    head = text[: text.index('0.0333333') + len('0.0333333')]
    motion = read(f'{head}\n5 6 7 90 0 0  0 90 0  1 2 3\n')
    np.testing.assert_allclose(
        motion.positions[0], [[5, 6, 7], [5, 7, 7], [5, 7, 9]], rtol=0, atol=1e-12
    )
    assert motion.parents == (-1, 0, 1)


def test_braces_and_blanks_may_stand_anywhere(read):
    text = bvh_text()
    head, motion = text.split('MOTION')
    squeezed = head.replace('\n', '\r\n').replace('{\r\n', '{ ').replace('\t', '  ')
    found = read(f'\ufeff{squeezed}MOTION\r\n{motion.strip()}')
    np.testing.assert_array_equal(found.positions, read(text).positions)


def test_long_recordings_are_read_in_blocks(read, monkeypatch):
    text = bvh_text(frames=50)
    whole = read(text).positions
    monkeypatch.setattr('mmcmd.datasets.converters.bvh_file._BLOCK', 7)
    np.testing.assert_allclose(read(text).positions, whole, rtol=0, atol=1e-9)


GOOD = bvh_text()


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (bvh_text(time=None), 'has no frame time: add a line such as "Frame Time: 0.0333333"'),
        (bvh_text(time='0'), 'its frame time is 0, expected seconds'),
        (bvh_text(time='33.3'), 'its frame time is 33.3, expected seconds, such as 0.0333333'),
        (bvh_text(time='nan'), 'its frame time is nan, expected seconds'),
        (bvh_text(time='fast'), 'its frame time is fast, expected seconds'),
        ('', 'has no line MOTION'),
        (GOOD[: GOOD.index('MOTION')], 'has no line MOTION'),
        (GOOD.replace('Frames:\t6', 'Frames:\t0'), 'has no line such as "Frames: 120"'),
        (GOOD.replace('Frames:\t6', ''), 'has no line such as "Frames: 120"'),
        (GOOD.replace('Frames:\t6', 'Frames:\t7'), 'numbers, expected 7 frames of 54 channels'),
        (GOOD[:-30], 'numbers, expected 6 frames of 54 channels'),
        (GOOD[:-9] + 'x\n', "expected a number, got '"),
        (GOOD[:-9] + '1e999\n', 'a number is NaN or infinite'),
        (
            GOOD.replace('OFFSET 0 95 0', 'OFFSET 0 95'),
            "joint 'Hips' has no OFFSET of three numbers",
        ),
        (GOOD.replace('OFFSET 0 95 0', ''), "the joint 'Hips' has no OFFSET"),
        (GOOD.replace('OFFSET 0 95 0', 'OFFSET 0 nan 0'), "the joint 'Hips' has no OFFSET"),
        (GOOD.replace('OFFSET 0 95 0', 'OFFSET 0 x 0'), 'could not convert'),
        (GOOD.replace('CHANNELS 6', 'CHANNELS 5'), 'must be a number, then that many channels'),
        (GOOD.replace('Zrotation', 'Wrotation', 1), 'must be a number, then that many channels'),
        (GOOD.replace('JOINT Spine', 'ROOT Spine'), 'is in the wrong place'),
        (GOOD.replace('ROOT Hips', 'JOINT Hips'), 'is in the wrong place'),
        (GOOD.replace('}', '', 1), 'open braces'),
        (GOOD.replace('MOTION', '}\nMOTION'), 'a } has no {'),
        (GOOD.replace('HIERARCHY', 'HIERARCHY\nSCALE 3'), "has the unknown line 'SCALE 3'"),
        ('MOTION\nFrames: 1\nFrame Time: 1\n', 'has 0 joints'),
    ],
)
def test_files_that_are_not_whole_are_told(tmp_path, read, text, message):
    with pytest.raises(ValueError, match=r'walk\.bvh: ') as caught:
        read(text)
    assert message in str(caught.value)
    assert '\n' not in str(caught.value)
