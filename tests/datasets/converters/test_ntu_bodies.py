"""Bodies of NTU files: their ids, which are persons, and how they are joined."""

import numpy as np
import pytest

from mmcmd.datasets.converters.ntu import NTUConverter, read_bodies
from mmcmd.datasets.converters.ntu_bodies import Body, clean_bodies, join_bodies
from mmcmd.errors import InputError


def body(start, frames, scale=1.0, wide=0, seed=0):
    """Return a body that moves by ``scale``, too wide in so many of its frames."""
    joints = np.random.default_rng(seed).normal(size=(frames, 25, 3)).astype('f4') * scale
    joints[..., 1] *= 3
    joints[:wide, :, 0] *= 30
    return Body(start, joints)


def plain_join(bodies, num_frames):
    """Join bodies one by one, as the released program does."""
    several = len(bodies) > 1
    if several:
        bodies = [x for x in bodies if len(x.joints) > 11]
        left = [*bodies]
        motion = [np.var(x.joints.reshape(-1, 3).astype('f8'), axis=0).sum() for x in bodies]
        for number, one in enumerate(bodies):
            if len(left) == 1:
                break
            good = [
                frame for frame in one.joints if np.ptp(frame[:, 0]) <= 0.8 * np.ptp(frame[:, 1])
            ]
            if len(good) == len(one.joints):
                continue
            if (len(one.joints) - len(good)) / len(one.joints) >= 0.69754:
                left = [x for x in left if x is not one]
            else:
                rest = np.var(np.reshape(good, (-1, 3)).astype('f8'), axis=0).sum()
                motion[number] = min(motion[number], rest)
        order = sorted(range(len(bodies)), key=lambda i: motion[i], reverse=True)
        bodies = [bodies[i] for i in order if any(bodies[i] is x for x in left)]
    tracks = np.zeros((2, num_frames, 25, 3), 'f4')
    (start1, end1), (start2, end2) = (bodies[0].start, bodies[0].end), (0, 0)
    tracks[0, start1 : end1 + 1] = bodies[0].joints
    for one in bodies[1:]:
        if min(end1, one.end) - max(start1, one.start) <= 0:
            tracks[0, one.start : one.end + 1] = one.joints
            start1, end1 = min(start1, one.start), max(end1, one.end)
        elif min(end2, one.end) - max(start2, one.start) <= 0:
            tracks[1, one.start : one.end + 1] = one.joints
            start2, end2 = min(start2, one.start), max(end2, one.end)
    if several:
        tracks = tracks[:, tracks.sum(axis=(0, 2, 3)) != 0]
    return tracks if tracks[1].any() else tracks[:1]


@pytest.mark.parametrize('seed', range(40))
def test_persons_are_those_of_a_plain_program(seed):
    rng = np.random.default_rng(seed)
    bodies = []
    for number in range(rng.integers(1, 6)):
        frames = int(rng.integers(12 if not number else 5, 40))
        start, wide = int(rng.integers(0, 60)), int(frames * rng.choice([0, 0.2, 0.9]))
        bodies.append(body(start, frames, rng.uniform(0.5, 2), wide, 10 * seed + number))
    num_frames = max(x.end for x in bodies) + 1
    np.testing.assert_array_equal(join_bodies(bodies, num_frames), plain_join(bodies, num_frames))


def test_short_and_wide_bodies_are_left_out_and_the_first_moves_most():
    person, still = body(0, 30, 2.0, seed=1), body(0, 30, 1.0, seed=2)
    noise = [body(0, 11, 5.0, seed=3), body(0, 30, 5.0, wide=25, seed=4)]
    found = clean_bodies([still, noise[0], noise[1], person])
    assert [any(x is y for y in (person, still)) for x in found] == [True, True]
    assert found[0] is person


def test_one_body_is_kept_in_any_case():
    short = body(2, 5)
    found = join_bodies([short], 7)
    assert found.shape == (1, 7, 25, 3)
    np.testing.assert_array_equal(found[0, 2:], short.joints)
    assert not found[0, :2].any()
    assert len(clean_bodies([body(0, 5), body(0, 6)])) == 2


def text_of(frames):
    """Write frames, each a mapping from the id of a body to its joints, as a file."""
    lines = [len(frames)]
    for bodies in frames:
        lines.append(len(bodies))
        for name, joints in bodies.items():
            lines += [f'{name} 0 1 1 0 0 0 0.1 0.2 2', 25]
            lines += [' '.join(map(str, (*x, *[0] * 9))) for x in joints.tolist()]
    return '\n'.join(map(str, lines)) + '\n'


def test_bodies_are_told_by_their_ids_and_empty_frames_are_left_out(tmp_path):
    joints = np.random.default_rng(0).normal(size=(6, 25, 3)).astype('f4')
    frames = [{}, {7: joints[0]}, {9: joints[1], 7: joints[2]}, {}, {9: joints[3]}, {7: joints[4]}]
    path = tmp_path / 'a.skeleton'
    path.write_text(text_of(frames))
    bodies, num_frames = read_bodies(path)
    assert num_frames == 4
    assert [x.start for x in bodies] == [0, 1]
    np.testing.assert_array_equal(bodies[0].joints, joints[[0, 2, 4]])  # the gap is closed
    np.testing.assert_array_equal(bodies[1].joints, joints[[1, 3]])
    assert bodies[1].end == 2


def test_converter_joins_bodies_if_asked(tmp_path):
    first, second = body(0, 20, 1.0, seed=1).joints, body(0, 20, 2.0, seed=2).joints
    frames = [{1: first[i]} if i < 14 else {2: second[i]} for i in range(20)]
    frames += [{2: second[i]} for i in range(14)]
    (tmp_path / 'S001C001P001R001A001.skeleton').write_text(text_of(frames))
    counts = []
    for bodies in ('energetic', 'joined'):
        converter = NTUConverter(bodies=bodies)
        (item,) = converter.scan(tmp_path)
        counts.append(converter.read(item)['keypoint'].shape[0])
    assert counts[1] == 1  # one person, for whom the sensor had two ids
    with pytest.raises(InputError, match=r"must be energetic or joined, but got 'all'"):
        NTUConverter(bodies='all')
